"""The top graph: which mode answers, and what a turn stores."""

import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Any, Literal

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from graph import MODES, turn_graph
from llm.scripted import ScriptedChat
from nodes.events import Routed
from nodes.state import Context
from tools.names import PYTHON_CODER
from tools.results import Extras

ROOT = Path(__file__).parents[2]


class Program(BaseModel):
    code: str


def coder() -> BaseTool:
    """Prints its input."""

    def run(code: str) -> tuple[str, Extras]:
        return code, Extras()

    return StructuredTool.from_function(
        run, name=PYTHON_CODER, description="runs", args_schema=Program, response_format="content_and_artifact"
    )


async def routed(graph: Any, text: str, model: ScriptedChat, wanted: str = "auto") -> Routed:
    """How the turn was routed; its answer is recorded under the same mode."""
    start = {"messages": [HumanMessage(text)], "wanted_mode": wanted}
    context = Context(model=model, tools={PYTHON_CODER: coder()})
    found: list[Routed] = []
    values: dict[str, Any] = {}
    async for kind, part in graph.compile().astream(start, context=context, stream_mode=["custom", "values"]):
        if kind == "values":
            values = part
        elif isinstance(part, Routed):
            found.append(part)
    (route,) = found
    assert values["messages"][-1].additional_kwargs["mode"] == route.mode
    return route


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("Hello!", "chat", "small talk"),
        ("What is 17 * 23?", "react", "something has to be computed"),
        ("Compute 2**10, count its digits and tell me if it is a cube.", "plan_execute", "it asks for several things"),
    ],
)
async def test_auto_answers_in_the_mode_that_fits(text: str, mode: str, reason: str) -> None:
    model = ScriptedChat(replies=["Final Answer: 1"], repeat=True)
    assert await routed(MODES["auto"], text, model) == Routed(mode, reason)


@pytest.mark.parametrize(("word", "mode"), [("talk", "chat"), ("work", "react")])
async def test_the_model_decides_where_the_rules_cannot(word: str, mode: str) -> None:
    model = ScriptedChat(replies=[word, "Final Answer: Oslo"])
    assert await routed(MODES["auto"], "Is Oslo bigger than Rome?", model) == Routed(mode, f"the model chose {word}")


async def test_the_client_s_mode_counts() -> None:
    model = ScriptedChat(replies=["391"])
    assert await routed(MODES["auto"], "What is 17 * 23?", model, "chat") == Routed("chat", "asked for by the client")


async def test_a_graph_of_one_mode_asks_nobody_for_it() -> None:
    model = ScriptedChat(replies=["391"])
    assert (await routed(turn_graph("chat"), "What is 17 * 23?", model)).mode == "chat"


async def test_a_plan_takes_nothing_from_the_plan_of_an_earlier_turn() -> None:
    def reply(messages: list[BaseMessage]) -> str:
        asked = "\n".join(message.text for message in messages)
        if "You divide a question" in asked:
            return f"1. Work out {name} alone\n2. Double {name} (needs 1)"
        if "You get a question and the results" in asked:
            return "Done."
        return f"Final Answer: double {name}" if "Double" in asked else f"Final Answer: plain {name}"

    graph = turn_graph("plan_execute").compile(checkpointer=InMemorySaver())
    context = Context(model=ScriptedChat(replies=[reply], repeat=True))
    for name in ("alpha", "beta"):
        asked = {"messages": [HumanMessage(f"{name} and its double?")]}
        done = await graph.ainvoke(asked, {"configurable": {"thread_id": "t"}}, context=context)
        assert [step["result"] for step in done["plan"]] == [f"plain {name}", f"double {name}"]


def test_the_mode_of_the_documentation_is_added_with_one_file_and_one_line(tmp_path: Path) -> None:
    """Follows `docs/extending.md`, in a copy of `graph`; then requested through HTTP."""
    page = (ROOT / "docs" / "extending.md").read_text()
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if block.startswith('"""`echo`'))
    (line,) = re.findall(r"`(\"echo\": \S+)`", page)
    copy = tmp_path / "graph"
    copytree(ROOT / "graph", copy)
    (copy / "echo.py").write_text(code)
    listed = (copy / "__init__.py").read_text()
    listed = listed.replace("import chat,", "import chat, echo,").replace('    "chat":', f'    {line}\n    "chat":')
    (copy / "__init__.py").write_text(listed)
    subprocess.run([sys.executable, "-c", ASK_ECHO, str(tmp_path)], check=True, cwd=ROOT)


ASK_ECHO = """
import asyncio, sys
from pathlib import Path

folder = sys.argv[1]
sys.path.insert(0, folder)

import graph
from api import studio
from llm.scripted import ScriptedChat
from tests.serving import running, settings_for

assert graph.__file__.startswith(folder)


async def main():
    async with running(settings_for(Path(folder) / "data"), ScriptedChat()) as service:
        body = {"messages": [{"role": "user", "content": "Hello"}]}
        for named in ({"agent_type": "echo"}, {"model": "echo"}):
            answer = (await service.http.post("/v1/chat/completions", json=body | named)).json()
            assert answer["choices"][0]["message"]["content"] == "Hello", answer
            assert answer["x_agent_metadata"]["agent_type"] == "echo", answer
        asked = f"/api/chat/history/{answer['x_session_id']}"
        assert (await service.http.get(asked)).json()["messages"][-1]["agent_type"] == "echo"
        assert (await service.http.get("/v1/models/echo")).json()["owned_by"] == "llm-api"
        openapi = (await service.http.get("/openapi.json")).json()
        body = openapi["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]["application/json"]
        assert "echo" in body["schema"]["properties"]["agent_type"]["anyOf"][0]["enum"]
    assert callable(studio.echo)


asyncio.run(main())
"""


@pytest.mark.parametrize("protocol", ["text", "native"])
@pytest.mark.parametrize("mode", ["chat", "react", "plan_execute"])
async def test_the_answer_is_streamed_with_the_id_that_it_is_stored_with(
    model: ScriptedChat, mode: str, protocol: Literal["text", "native"]
) -> None:
    """As clients of LangGraph's `messages` stream see it: two IDs would be two answers."""
    answer = "It is 42." if protocol == "native" or mode == "chat" else "Final Answer: It is 42."
    plan = ["1. Compute it", "2. Check it"]
    model.repeat = True
    model.replies = ["\n".join(plan), answer, answer, "It is 42."] if mode == "plan_execute" else [answer]
    graph = MODES["auto"].compile(checkpointer=InMemorySaver())
    ids: dict[str, str] = {}
    config: RunnableConfig = {"configurable": {"thread_id": "one"}}
    start = {"messages": [HumanMessage("What is it?")], "wanted_mode": mode}
    context = Context(model=model, protocol=protocol)
    stream: Any = graph.astream(start, config, context=context, stream_mode="messages", subgraphs=True)
    async for _, (message, _) in stream:
        ids[message.id] = ids.get(message.id, "") + message.text
    kept = (await graph.aget_state(config)).values["messages"][-1]
    assert kept.text == "It is 42."
    assert ids[kept.id].endswith("It is 42.")
    assert list(ids)[-1] == kept.id
    if mode != "plan_execute":  # whose steps have answers of their own
        assert [number for number, text in ids.items() if "42" in text] == [kept.id]
