"""`tool_call`: a tool's result and every kind of failure become an outcome."""

from collections.abc import Callable, Sequence

import pytest
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel

from llm.errors import BackendStoppedError, ModelError
from nodes.state import Action, AgentState, Outcome, Step
from nodes.tool_call import tool_call
from tests.agent import Agent
from tests.nodes.steps import runtime_of, source, taken
from tools.errors import ToolFailed, ToolRetry
from tools.results import Extras, with_sources


class Query(BaseModel):
    query: str
    count: int = 3


def look_up(answer: Callable[[str], tuple[str, Extras]]) -> dict[str, BaseTool]:
    """One tool with this behavior."""

    async def run(query: str, count: int = 3) -> tuple[str, Extras]:
        return answer(query)

    tool = StructuredTool.from_function(
        coroutine=run, name="look_up", description="finds", args_schema=Query, response_format="content_and_artifact"
    )
    return {"look_up": tool}


def failing(error: Exception) -> dict[str, BaseTool]:
    def fail(_: str) -> tuple[str, Extras]:
        raise error

    return look_up(fail)


async def called(
    tools: dict[str, BaseTool], given: str = "tides", tool: str = "look_up", steps: Sequence[Step] = ()
) -> Outcome:
    runtime, _ = runtime_of(tools=tools)
    action = Action(thought="", tool=tool, input=given)
    update = await tool_call(AgentState(action=action, steps=[*steps]), runtime)
    outcome = update["outcome"]
    assert outcome is not None
    return outcome


async def test_the_tool_s_words_are_the_outcome() -> None:
    told = await called(look_up(lambda query: (f"{query}: at two", Extras(answer="At two."))))
    assert (told["text"], told["error"], told["answer"]) == ("tides: at two", None, "At two.")
    assert told["duration_ms"] >= 0


async def test_sources_are_numbered_on_from_those_of_earlier_steps() -> None:
    found = with_sources("Found:", [source("b.pdf", "Low tide at eight.")])
    earlier = taken("[1] a.pdf", None, source("a.pdf", "High tide at two."), source("a.pdf", "And at three."))
    told = await called(look_up(lambda _: found), steps=[earlier])
    assert told["text"] == "Found:\n\n[3] b.pdf, page 1\nLow tide at eight."
    assert [one["title"] for one in told["sources"]] == ["b.pdf"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ToolRetry("Write it otherwise."), "ToolRetry"),
        (ToolFailed("It is not there."), "ToolFailed"),
        (ModelError("The model is on fire."), "ToolFailed"),
    ],
)
async def test_what_goes_wrong_is_told_by_its_kind(error: Exception, kind: str) -> None:
    told = await called(failing(error))
    assert (told["text"], told["error"]) == (str(error), kind)


async def test_a_backend_that_stops_ends_the_run() -> None:
    with pytest.raises(BackendStoppedError):
        await called(failing(BackendStoppedError("The service is going down.")))


async def test_an_input_that_does_not_fit_is_named_by_its_field() -> None:
    told = await called(look_up(lambda _: ("", Extras())), '{"query": "tides", "count": "many"}')
    assert told["error"] == "ToolRetry"
    assert "count" in told["text"]


async def test_an_unknown_tool_is_answered_with_the_names_of_the_others() -> None:
    told = await called(look_up(lambda _: ("", Extras())), tool="browse")
    assert told["error"] == "unknown tool"
    assert "'browse'" in told["text"]
    assert "look_up" in told["text"]
    assert "none" in (await called({}, tool="browse"))["text"]


async def test_an_input_that_was_given_before_is_not_run_again() -> None:
    told = await called(failing(AssertionError("it was run")), "print(6 * 7)\n", steps=[taken("42", tool="look_up")])
    assert told["error"] == "repeated action"
    assert "42" in told["text"]


async def test_files_that_a_tool_made_are_artifacts_also_when_it_fails(agent: Agent) -> None:
    for name in ("plot.png", "half.csv"):
        (agent.workspace.folder / name).write_bytes(b"abc")
    tools = look_up(lambda _: ("drawn", Extras(files=("plot.png",))))
    runtime, _ = runtime_of(tools=tools, workspace=agent.workspace)
    state = AgentState(action=Action(thought="", tool="look_up", input="x"))
    drawn = (await tool_call(state, runtime))["outcome"]
    runtime, _ = runtime_of(tools=failing(ToolRetry("no", new_files=["half.csv"])), workspace=agent.workspace)
    failed = (await tool_call(state, runtime))["outcome"]
    assert drawn is not None
    assert failed is not None
    assert drawn["artifacts"] == [{"filename": "plot.png", "mime": "image/png", "bytes": 3}]
    assert [file["filename"] for file in failed["artifacts"]] == ["half.csv"]
