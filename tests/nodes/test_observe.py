"""`observe`: an action and its outcome become a step."""

from nodes.events import StepDone, ThoughtDelta
from nodes.observe import observe
from nodes.state import Action, AgentState, Outcome
from tests.nodes.steps import runtime_of, source, taken

ACTION = Action(thought="I look.", tool="rag_retriever", input="tides")


def outcome(answer: str | None = None) -> Outcome:
    found = [source("a.pdf", "High tide at two.")]
    return Outcome(
        text="[1] a.pdf", error=None, artifacts=[], sources=found, answer=answer, started_at=5.0, duration_ms=7
    )


async def test_the_step_joins_those_before_it_and_is_told() -> None:
    runtime, told = runtime_of()
    state = AgentState(steps=[taken()], action=ACTION, outcome=outcome())
    update = await observe(state, runtime)
    before, step = update["steps"]
    assert before == taken()
    assert (step["index"], step["thought"], step["tool"], step["input"]) == (2, "I look.", "rag_retriever", "tides")
    assert (step["observation"], step["error"]) == ("[1] a.pdf", None)
    assert (step["started_at"], step["duration_ms"]) == (5.0, 7)
    assert step["sources"] == outcome()["sources"]
    assert (update["action"], update["outcome"]) == (None, None)
    assert told == [ThoughtDelta("```\n[1] a.pdf\n```\n\n"), StepDone(step)]
    assert not {"answer", "plan_step"} & set(step)


async def test_it_carries_what_the_tool_answers_and_the_step_of_the_plan() -> None:
    runtime, _ = runtime_of(plan_step=3)
    update = await observe(AgentState(action=ACTION, outcome=outcome("At two.")), runtime)
    (step,) = update["steps"]
    assert (step["index"], step["answer"], step["plan_step"]) == (1, "At two.", 3)
