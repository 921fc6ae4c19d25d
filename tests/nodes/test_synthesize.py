"""`synthesize`: the answer in a thought, or the best possible one if a limit was reached."""

from langchain_core.messages import HumanMessage

from llm.scripted import ScriptedChat
from nodes.events import AnswerDelta, Finished, ThoughtDelta
from nodes.state import AgentState, Sampling
from nodes.synthesize import synthesize
from tests.nodes.steps import answer_of, runtime_of, source, taken, written

ASKED = [HumanMessage("What is 6 * 7?")]


async def test_an_answer_that_is_there_costs_no_call() -> None:
    runtime, told = runtime_of(ScriptedChat())
    state = AgentState(messages=[*ASKED], answer_text="It is 42.", finish_reason="length", steps=[taken()])
    answer = answer_of(await synthesize(state, runtime))
    assert (answer.text, answer.additional_kwargs["steps"]) == ("It is 42.", [taken()])
    assert "incomplete" not in answer.additional_kwargs
    assert told == [Finished("length")]


async def test_a_run_that_has_to_stop_says_so_and_answers_from_its_notes() -> None:
    model = ScriptedChat(replies=["It may be 42."])
    runtime, told = runtime_of(model)
    answer = answer_of(await synthesize(AgentState(messages=[*ASKED], steps=[taken(), taken("no", "x")]), runtime))
    assert answer.text == written(told) == "I had to stop before I was sure (2 steps). It may be 42."
    assert answer.additional_kwargs["incomplete"]
    assert told[-1] == Finished("stop")
    prompt = model.asked[0][1].text
    assert prompt.startswith("Question: What is 6 * 7?")
    assert "python_coder says: 42" in prompt
    assert "print(6 * 7)" not in prompt


async def test_a_form_of_the_answer_is_asked_for_to_the_letter() -> None:
    model = ScriptedChat(replies=["@total[42]"])
    runtime, _ = runtime_of(model)
    asked = HumanMessage("What is it? Answer in this format: @total[number]")
    await synthesize(AgentState(messages=[asked], steps=[taken()]), runtime)
    assert model.asked[0][1].text.endswith("to be kept to the letter: @total[number]")


async def test_what_was_spoken_before_stands_before_the_answer() -> None:
    runtime, _ = runtime_of(ScriptedChat(replies=["It may be 42."]))
    state = AgentState(messages=[*ASKED], steps=[], spoken="At length: ")
    assert answer_of(await synthesize(state, runtime)).text.startswith("At length: I had to stop")


async def test_sources_that_were_found_are_cited() -> None:
    runtime, told = runtime_of(ScriptedChat(replies=["The tower is 300 metres tall."]))
    found = taken("[1] tower.pdf", None, source("tower.pdf", "The tower is 300 metres tall."), tool="rag_retriever")
    answer = answer_of(await synthesize(AgentState(messages=[*ASKED], steps=[found]), runtime))
    assert "[1]" in answer.text
    assert answer.text == written(told)


async def test_the_request_s_own_limit_holds() -> None:
    runtime, told = runtime_of(ScriptedChat(replies=["one two three"]), sampling=Sampling(max_tokens=3))
    answer = answer_of(await synthesize(AgentState(messages=[*ASKED], steps=[]), runtime))
    assert len(answer.text) < 20
    assert told[-1] == Finished("length")


async def test_the_answer_of_a_plan_s_step_is_a_thought() -> None:
    runtime, told = runtime_of(ScriptedChat(replies=["It may be 42."]), plan_step=1)
    await synthesize(AgentState(messages=[*ASKED], steps=[]), runtime)
    assert not any(isinstance(event, (AnswerDelta, Finished)) for event in told)
    assert any(isinstance(event, ThoughtDelta) for event in told)
