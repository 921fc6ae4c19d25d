"""The steps of a plan: their input, their results, and the combined answer."""

from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph.state import CompiledStateGraph

from graph import MODES
from llm.scripted import ScriptedChat
from nodes.events import Finished, PlanChanged, StepsOrdered, ThoughtDelta
from nodes.plan_steps import begin, collect, combine, worker, works
from nodes.state import Finding, PlanState, Sampling
from tests.nodes.steps import answer_of, planned, runtime_of, source, taken, written

QUESTION = HumanMessage('How many words has "silver swans", and what is twice that?')


def test_each_ready_step_is_sent_what_it_needs() -> None:
    done = planned(1, "Count the words", status="done", result="It has 2 words.")
    plan = [done, planned(2, "Double it", 1), planned(3, "Triple the double", 2), planned(4, "Name a swan")]
    state = PlanState(messages=[SystemMessage("Speak French."), QUESTION], plan=plan)
    doubling, naming = works(state)
    assert (doubling["step"]["id"], naming["step"]["id"]) == (2, 4)
    assert doubling["known"] == "- Count the words: It has 2 words."
    assert naming["known"] == ""
    assert doubling["quoted"] == ["silver swans"]
    assert [message.text for message in doubling["system"]] == ["Speak French."]


async def test_what_is_begun_is_told_as_running() -> None:
    runtime, told = runtime_of()
    plan = [planned(1, "a"), planned(2, "b", 1), planned(3, "c")]
    assert await begin(PlanState(messages=[QUESTION], plan=plan), runtime) == {}
    (changed,) = told
    assert isinstance(changed, PlanChanged)
    assert [step["status"] for step in changed.plan] == ["running", "pending", "running"]
    assert [step["status"] for step in plan] == ["pending"] * 3, "the state is not touched"


@pytest.fixture(scope="module")
def react() -> CompiledStateGraph[Any, Any, Any, Any]:
    return MODES["react"].compile()


async def found(
    react: CompiledStateGraph[Any, Any, Any, Any], model: ScriptedChat, **given: Any
) -> tuple[Finding, list[object]]:
    runtime, told = runtime_of(model, **given)
    step = planned(7, "Say how it is")
    step["done_when"] = "it is said"
    (work,) = works(PlanState(messages=[QUESTION], plan=[step]))
    update = await worker(react)(work, runtime)
    (finding,) = update["findings"]
    return finding, [*told]


async def test_a_step_is_worked_out_in_a_conversation_of_its_own(
    react: CompiledStateGraph[Any, Any, Any, Any],
) -> None:
    model = ScriptedChat(replies=["Final Answer: It is fine."])
    finding, _ = await found(react, model, sampling=Sampling(temperature=0.5, max_tokens=1, stop=("fine",)))
    assert (finding["step"], finding["text"], finding["error"]) == (7, "It is fine.", None)
    asked = str(model.asked[0][1].content)
    assert "Say how it is\n\nIt is done when: it is said" in asked
    assert 'Quoted in the question:\n"silver swans"' in asked
    assert "twice that" not in asked, "the rest of the question is not the step's"
    assert model.arguments[0]["temperature"] == 0.5
    assert model.arguments[0]["max_tokens"] > 1, "the request's limits are those of the whole answer"


async def test_a_step_that_comes_to_nothing_has_failed(react: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    model = ScriptedChat(replies=[*(f"Action: browse\nAction Input: {n}" for n in range(4)), "Who knows."])
    finding, _ = await found(react, model)
    assert "There is no tool named 'browse'" in (finding["error"] or "")
    assert len(finding["steps"]) == 4


async def test_findings_join_the_plan_and_their_citations_count_on() -> None:
    runtime, told = runtime_of()
    one = Finding(step=1, text="At two [1].", error=None, steps=[taken("[1] a.pdf", None, source("a.pdf", "two"))])
    two = Finding(step=2, text="At three [1].", error=None, steps=[taken("[1] b.pdf", None, source("b.pdf", "three"))])
    bad = Finding(step=3, text="", error="no gamma", steps=[taken("no gamma", "ToolRetry")])
    plan = [planned(1, "a"), planned(2, "b"), planned(3, "c"), planned(4, "d", 3)]
    update = await collect(PlanState(messages=[QUESTION], plan=plan, findings=[two, bad, one]), runtime)
    assert [(step["status"], step["result"], step["error"]) for step in update["plan"]] == [
        ("done", "At two [1].", None),
        ("done", "At three [2].", None),
        ("failed", "", "no gamma"),
        ("pending", "", None),
    ]
    assert [(step["index"], step["observation"]) for step in update["steps"]] == [
        (1, "[1] a.pdf"),
        (2, "[2] b.pdf"),
        (3, "no gamma"),
    ]
    assert told == [PlanChanged(update["plan"]), StepsOrdered(update["steps"])]


DONE = [
    planned(1, "Work out alpha", status="done", result="alpha is 12"),
    planned(2, "Work out beta", status="failed", error="no beta"),
]


async def test_one_answer_is_made_of_the_results() -> None:
    model = ScriptedChat(replies=["Alpha is 12; beta could not be had."])
    runtime, told = runtime_of(model)
    state = PlanState(messages=[HumanMessage("alpha and beta?")], plan=DONE, steps=[taken("12")])
    answer = answer_of(await combine(state, runtime))
    assert answer.text == "Alpha is 12; beta could not be had."
    assert written(told) == answer.text
    assert told[-1] == Finished("stop")
    prompt = model.asked[0][1].text
    assert prompt.startswith("Question: alpha and beta?")
    assert "Result: alpha is 12" in prompt
    assert "What went wrong: no beta" in prompt
    assert "[2]" not in model.asked[0][0].text, "nothing was found that could be cited"


async def test_a_result_that_the_answer_lacks_stands_below_it() -> None:
    runtime, told = runtime_of(ScriptedChat(replies=["It is all there."]))
    answer = answer_of(await combine(PlanState(messages=[HumanMessage("alpha?")], plan=DONE, steps=[]), runtime))
    assert answer.text == "It is all there.\n\nThe steps gave:\n- Work out alpha: alpha is 12"
    assert not any(isinstance(event, ThoughtDelta) for event in told)
