"""`summarize`: old turns are summarized once, when the window is full; the newest are kept in full."""

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from llm.scripted import ScriptedChat
from nodes.state import AgentState, Limits
from nodes.summarize import CALLS, FULL, summarize
from tests.nodes.steps import runtime_of

WINDOW = 1000


def turns(count: int, size: int = 100) -> list[AnyMessage]:
    """Questions and answers of about `size` tokens per turn, and the current question."""
    said: list[AnyMessage] = []
    for number in range(count):
        said += [HumanMessage(f"Question {number}"), AIMessage(f"Answer {number}" + " word" * (size * 4 // 5))]
    return [*said, HumanMessage("And now?")]


async def condensed(model: ScriptedChat, messages: list[AnyMessage], earlier: AgentState | None = None) -> AgentState:
    runtime, told = runtime_of(model, limits=Limits(window=WINDOW))
    update = await summarize({**(earlier or {}), "messages": messages}, runtime)
    assert told == [], "nobody hears of a summary"
    return update


async def test_while_there_is_room_nothing_is_done() -> None:
    model = ScriptedChat()
    assert await condensed(model, turns(int(WINDOW * FULL / 100) - 1)) == {}
    assert model.asked == []


async def test_old_turns_become_a_summary_and_the_newest_stay() -> None:
    model = ScriptedChat(replies=["They spoke\nof many things."])
    update = await condensed(model, turns(4))
    assert update["summaries"] == ["They spoke of many things."]
    prompt = model.asked[0][1].text
    assert prompt.startswith("Person: Question 0\nAssistant: Answer 0")
    covered = update["condensed"]
    assert turns(4)[covered].text.startswith("Question"), "whole turns"
    assert f"Question {covered // 2 - 1}" in prompt
    assert f"Question {covered // 2}" not in prompt
    assert model.arguments[0]["temperature"] == 0.0


async def test_what_is_summarised_is_never_summarised_again() -> None:
    model = ScriptedChat(replies=["first", "second"])
    first = await condensed(model, turns(4))
    second = await condensed(model, turns(7), first)
    assert second["summaries"] == ["first", "second"]
    assert second["condensed"] > first["condensed"]
    assert "Question 0" not in model.asked[1][1].text


async def test_the_open_question_stays_however_long_it_is() -> None:
    model = ScriptedChat(replies=["short"])
    messages = [*turns(1)[:-1], HumanMessage("word " * WINDOW * 2)]
    update = await condensed(model, messages)
    assert update["condensed"] == 2
    assert "word word" not in model.asked[0][1].text.partition("Answer 0")[0]
    alone = await condensed(ScriptedChat(), [HumanMessage("word " * WINDOW * 2)])
    assert alone.get("condensed", 0) == 0


async def test_a_conversation_that_comes_all_at_once_costs_no_more_than_a_few_calls() -> None:
    model = ScriptedChat(replies=["a part"], repeat=True)
    update = await condensed(model, turns(60))
    assert len(model.asked) == CALLS
    assert len(update["summaries"]) == CALLS
    assert update["condensed"] >= 2 * 58


async def test_a_model_that_says_nothing_leaves_no_summary() -> None:
    update = await condensed(ScriptedChat(replies=[""], repeat=True), turns(5))
    assert update["summaries"] == []
    assert update["condensed"] > 0
