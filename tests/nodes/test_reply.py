"""`reply`: an answer from the conversation alone, or calls of client tools."""

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from llm.errors import MalformedCallError, PromptTooLongError
from llm.scripted import ScriptedChat
from nodes.events import CallDelta, Finished, ToolsOffered
from nodes.reply import reply, without_oldest
from nodes.state import AgentState, ClientTools, Sampling
from tests.nodes.steps import answer_of, runtime_of, written

WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
TOOLS = ClientTools(tools=(WEATHER,))
HI: list[AnyMessage] = [HumanMessage("hi")]


def call(city: str = "Paris", number: str = "c1") -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "weather", "args": {"city": city}, "id": number}])


async def test_the_answer_is_streamed_and_joins_the_conversation() -> None:
    model = ScriptedChat(replies=["Hello there."])
    runtime, told = runtime_of(model, sampling=Sampling(temperature=0.3, seed=7, stop=("x",)))
    answer = answer_of(await reply(AgentState(messages=HI), runtime))
    assert answer.text == written(told) == "Hello there."
    assert told[-1] == Finished("stop")
    assert model.arguments == [{"stop": ["x"], "temperature": 0.3, "seed": 7}]


async def test_the_client_s_instructions_stand_in_place_of_ours() -> None:
    model = ScriptedChat(replies=["a", "b", "c"])
    for given in ({}, {"instructions": "Be brief."}, {"system": ("Be Ann.",), "instructions": "Be brief."}):
        runtime, _ = runtime_of(model, **given)
        await reply(AgentState(messages=[SystemMessage("Be Bob."), *HI]), runtime)
    assert [asked[0].text for asked in model.asked] == ["Be Bob.", "Be Bob.\n\nBe brief.", "Be Ann.\n\nBe brief."]
    assert all([message.text for message in asked[1:]] == ["hi"] for asked in model.asked)


async def test_what_was_summarised_is_told_in_short() -> None:
    model = ScriptedChat(replies=["Yes."])
    runtime, _ = runtime_of(model)
    messages: list[AnyMessage] = [HumanMessage("I am Ann."), AIMessage("Hello."), HumanMessage("Who am I?")]
    await reply(AgentState(messages=messages, summaries=["They met."], condensed=2), runtime)
    system, *rest = model.asked[0]
    assert "It began with: I am Ann." in system.text
    assert "They met." in system.text
    assert [message.text for message in rest] == ["Who am I?"]


async def test_calls_of_the_client_s_tools_leave_as_they_come() -> None:
    runtime, told = runtime_of(ScriptedChat(replies=[call()]), client_tools=TOOLS)
    answer = answer_of(await reply(AgentState(messages=HI), runtime))
    assert [(made["name"], made["args"], made["id"]) for made in answer.tool_calls] == [
        ("weather", {"city": "Paris"}, "c1")
    ]
    pieces = [event for event in told if isinstance(event, CallDelta)]
    assert [(piece.id, piece.name) for piece in pieces if piece.id] == [("c1", "weather")]
    assert "".join(piece.arguments for piece in pieces) == '{"city": "Paris"}'
    assert told[-1] == Finished("tool_calls")


async def test_a_call_whose_result_is_there_is_not_made_again() -> None:
    model = ScriptedChat(replies=[call(number="c2"), "21 degrees."])
    runtime, told = runtime_of(model, client_tools=TOOLS)
    answered: list[AnyMessage] = [*HI, call(), ToolMessage("21", tool_call_id="c1")]
    answer = answer_of(await reply(AgentState(messages=answered), runtime))
    assert (answer.text, answer.tool_calls) == ("21 degrees.", [])
    assert not any(isinstance(event, CallDelta) for event in told)
    assert "tools" not in model.arguments[1]


async def test_another_call_after_a_result_is_made() -> None:
    runtime, told = runtime_of(ScriptedChat(replies=[call("Rome", "c2")]), client_tools=TOOLS)
    answered: list[AnyMessage] = [*HI, call(), ToolMessage("21", tool_call_id="c1")]
    answer = answer_of(await reply(AgentState(messages=answered), runtime))
    assert answer.tool_calls[0]["args"] == {"city": "Rome"}
    assert any(isinstance(event, CallDelta) for event in told)


async def test_a_call_that_the_server_cannot_read_is_asked_for_again_and_then_answered_in_words() -> None:
    broken = MalformedCallError("unreadable", raw="{")
    model = ScriptedChat(replies=[broken, broken, broken, "I cannot tell."])
    runtime, told = runtime_of(model, client_tools=TOOLS)
    await reply(AgentState(messages=HI), runtime)
    assert written(told) == "I cannot tell."
    assert ["tools" in arguments for arguments in model.arguments] == [True, True, True, False]


async def test_the_oldest_turns_are_left_out_until_the_rest_fits() -> None:
    model = ScriptedChat(replies=[PromptTooLongError(tokens=1100, window=1000), "Here I am."])
    runtime, told = runtime_of(model)
    old: list[AnyMessage] = [HumanMessage("old " * 50), AIMessage("older " * 50)]
    await reply(AgentState(messages=[*old, HumanMessage("new"), AIMessage("newer"), HumanMessage("now")]), runtime)
    assert written(told) == "Here I am."
    assert [message.text for message in model.asked[1][1:]] == ["new", "newer", "now"]


async def test_a_question_that_does_not_fit_alone_is_an_error() -> None:
    runtime, _ = runtime_of(ScriptedChat(replies=[PromptTooLongError(tokens=1100, window=1000)]))
    with pytest.raises(PromptTooLongError):
        await reply(AgentState(messages=HI), runtime)


def test_system_messages_and_the_question_are_never_left_out() -> None:
    messages: list[AnyMessage] = [
        SystemMessage("rules"),
        HumanMessage("a" * 30),
        AIMessage("b" * 30),
        HumanMessage("c" * 9000),
    ]
    assert [m.text[0] for m in without_oldest(messages, 10)] == ["r", "b", "c"]
    assert [m.text[0] for m in without_oldest(messages, 10_000)] == ["r", "c"]


async def test_a_form_is_described_and_held_to() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "title": "Place"}}}
    model = ScriptedChat(replies=["{}"])
    runtime, _ = runtime_of(model, response_format=form)
    await reply(AgentState(messages=HI), runtime)
    assert '"title": "Place"' in model.asked[0][0].text
    assert model.arguments[0]["response_format"] == form


async def test_tools_that_leave_no_room_for_the_question_are_left_out() -> None:
    model = ScriptedChat(replies=[PromptTooLongError(9000, 8192), "Hello."])
    runtime, told = runtime_of(model, client_tools=TOOLS)
    assert answer_of(await reply(AgentState(messages=HI), runtime)).text == "Hello."
    assert ["tools" in arguments for arguments in model.arguments] == [True, False]
    (offered,) = (event for event in told if isinstance(event, ToolsOffered))
    assert (offered.offered, offered.left_out) == ([], ["weather"])
    required = ClientTools(tools=(WEATHER,), choice="required")
    runtime, _ = runtime_of(ScriptedChat(replies=[PromptTooLongError(9000, 8192)]), client_tools=required)
    with pytest.raises(PromptTooLongError):
        await reply(AgentState(messages=HI), runtime)
