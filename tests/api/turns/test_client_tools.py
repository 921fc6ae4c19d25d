"""Client tools: called by the model, returned, answered, and never a broken thread."""

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.messages.tool import invalid_tool_call

from llm.scripted import ScriptedChat
from nodes.client_tools import NO_RESULT
from tests.serving import Service

pytestmark = pytest.mark.one_service

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather.", "parameters": SCHEMA},
}
ASKED = {"role": "user", "content": "What is the weather in Paris and in Rome?"}


@pytest.fixture
def model(model: ScriptedChat) -> ScriptedChat:
    model.native_tools = True
    return model


def calls(*cities: str) -> AIMessage:
    made = [{"name": "get_weather", "args": {"city": city}, "id": f"call_{city}"} for city in cities]
    return AIMessage("", tool_calls=made)


def result(call: str, text: str = "21 degrees") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call, "content": text}


async def post(service: Service, *messages: dict[str, Any], **extra: Any) -> dict[str, Any]:
    body = {"messages": list(messages), "tools": [WEATHER], **extra}
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_call_is_returned_and_the_turn_goes_on_with_its_result(service: Service, model: ScriptedChat) -> None:
    model.replies = [calls("Paris", "Rome"), "21 in both."]
    first = await post(service, ASKED)
    choice = first["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert [json.loads(c["function"]["arguments"])["city"] for c in choice["message"]["tool_calls"]] == [
        "Paris",
        "Rome",
    ]
    assert first["x_agent_metadata"]["agent_type"] == "chat"
    assert model.arguments[0]["tools"] == [WEATHER]
    second = await post(service, ASKED, choice["message"], result("call_Paris"), result("call_Rome", "20 degrees"))
    assert second["choices"][0]["message"]["content"] == "21 in both."
    assert second["choices"][0]["finish_reason"] == "stop"
    told = model.asked[1]
    assert [type(message).__name__ for message in told[1:]] == [
        "HumanMessage",
        "AIMessage",
        "ToolMessage",
        "ToolMessage",
    ]
    assert [message.text for message in told[3:]] == ["21 degrees", "20 degrees"]


async def test_a_stream_has_id_and_name_once_and_arguments_in_pieces(service: Service, model: ScriptedChat) -> None:
    model.replies = [calls("Paris", "Rome")]
    pieces: list[Any] = []
    reasons: list[str | None] = []
    async with service.client.chat.completions.stream(model="auto", messages=[ASKED], tools=[WEATHER]) as stream:  # type: ignore[list-item]
        async for event in stream:
            if event.type == "chunk":
                for choice in event.chunk.choices:
                    pieces += choice.delta.tool_calls or []
                    reasons.append(choice.finish_reason)
        whole = await stream.get_final_completion()
    assert len(whole.choices[0].message.tool_calls or []) == 2
    assert [r for r in reasons if r] == ["tool_calls"]
    for index, city in enumerate(("Paris", "Rome")):
        mine = [piece for piece in pieces if piece.index == index]
        assert [piece.id for piece in mine if piece.id] == [f"call_{city}"]
        assert [piece.function.name for piece in mine if piece.function and piece.function.name] == ["get_weather"]
        assert len(mine) > 3
        written = "".join(piece.function.arguments or "" for piece in mine if piece.function)
        assert json.loads(written) == {"city": city}


async def test_a_session_goes_on_with_the_results_alone(service: Service, model: ScriptedChat) -> None:
    model.replies = [calls("Paris"), "21."]
    first = await post(service, ASKED)
    second = await post(service, result("call_Paris"), session_id=first["x_session_id"])
    assert second["choices"][0]["message"]["content"] == "21."
    assert [message.text for message in model.asked[1][1:]] == [ASKED["content"], "", "21 degrees"]
    history = (await service.http.get(f"/api/conversations/{first['x_session_id']}/messages")).json()["messages"]
    assert [message["role"] for message in history] == ["user", "assistant", "tool", "assistant"]
    assert history[1]["tool_calls"][0]["id"] == history[2]["tool_call_id"] == "call_Paris"


async def test_a_call_that_is_never_answered_leaves_a_thread_that_goes_on(
    service: Service, model: ScriptedChat
) -> None:
    model.replies = [calls("Paris", "Rome"), "Never mind."]
    first = await post(service, ASKED)
    await post(service, {"role": "user", "content": "Forget it."}, session_id=first["x_session_id"])
    told = model.asked[1]
    assert [m.tool_call_id for m in told if isinstance(m, ToolMessage)] == ["call_Paris", "call_Rome"]
    assert told[-1].text == "Forget it."


async def test_a_result_that_answers_nothing_is_refused(service: Service, model: ScriptedChat) -> None:
    model.replies = [calls("Paris")]
    first = await post(service, ASKED)
    for messages, session in (([result("call_x")], first["x_session_id"]), ([ASKED, result("call_x")], None)):
        body = {"messages": messages, "tools": [WEATHER], "session_id": session}
        answer = await service.http.post("/v1/chat/completions", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"].endswith("tool_call_id")


async def test_a_malformed_call_that_the_client_was_told_of_can_be_answered(
    service: Service, model: ScriptedChat
) -> None:
    """Regression: the conversation did not have it, so every further message of the client was a 400."""
    broken = invalid_tool_call(name="get_weather", args='{"city": Par', id="call_x", error=None)
    model.replies = [AIMessage("", invalid_tool_calls=[broken]), "Sorry.", "Sorry."]
    first = await post(service, ASKED)
    message = first["choices"][0]["message"]
    assert first["choices"][0]["finish_reason"] == "tool_calls"
    assert message["tool_calls"][0]["function"]["arguments"] == '{"city": Par'
    by_history = await post(service, ASKED, message, result("call_x", "That is no JSON."))
    assert by_history["x_session_id"] == first["x_session_id"]
    assert [m.text for m in model.asked[1][3:]] == ["That is no JSON."]
    await post(service, ASKED, message, {"role": "user", "content": "Well?"})
    assert [m.text for m in model.asked[2][3:]] == [NO_RESULT, "Well?"]


async def test_one_call_at_a_time_is_one_call(service: Service, model: ScriptedChat) -> None:
    """Also from a model that makes several; those that are not sent are not waited for."""
    model.replies = [calls("Paris", "Rome"), "21."]
    first = await post(service, ASKED, parallel_tool_calls=False)
    made = first["choices"][0]["message"]["tool_calls"]
    assert [call["id"] for call in made] == ["call_Paris"]
    await post(service, result("call_Paris"), session_id=first["x_session_id"])
    assert [m.tool_call_id for m in model.asked[1] if isinstance(m, ToolMessage)] == ["call_Paris"]


async def test_results_may_come_in_any_order_but_once(service: Service, model: ScriptedChat) -> None:
    model.replies = [calls("Paris", "Rome"), "Both."]
    first = await post(service, ASKED)
    session = first["x_session_id"]
    twice = [result("call_Rome"), result("call_Rome")]
    answer = await service.http.post("/v1/chat/completions", json={"messages": twice, "session_id": session})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "messages.1.tool_call_id")
    await post(service, result("call_Rome", "20"), result("call_Paris", "21"), session_id=session)
    assert [m.text for m in model.asked[1] if isinstance(m, ToolMessage)] == ["21", "20"]


async def test_an_answered_call_is_not_made_again(service: Service, model: ScriptedChat) -> None:
    """The embedded model repeats the call whose result it has just received."""
    model.replies = [calls("Paris"), calls("Paris"), "21."]
    first = await post(service, ASKED)
    second = await post(service, result("call_Paris"), session_id=first["x_session_id"])
    assert second["choices"][0]["message"] == {"role": "assistant", "content": "21.", "refusal": None}
    assert "tools" not in model.arguments[2]


async def test_choice_and_parallel_reach_the_model(service: Service, model: ScriptedChat) -> None:
    named = {"type": "function", "function": {"name": "get_weather"}}
    model.replies = [calls("Paris")] * 3 + ["Hello."]
    for choice in (named, "required", "auto", "none"):
        await post(service, ASKED, tool_choice=choice, parallel_tool_calls=False, agent_type="chat")
    assert [arguments.get("tool_choice") for arguments in model.arguments] == [named, "required", "auto", None]
    assert model.arguments[0]["parallel_tool_calls"] is False


async def test_the_old_way_to_call_functions_is_read(service: Service, model: ScriptedChat) -> None:
    model.replies = ["21."]
    called = {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": "{}"}}
    await post(service, ASKED, called, {"role": "function", "name": "get_weather", "content": "21 degrees"})
    assert model.asked[0][-1].text == "21 degrees"


async def test_a_tool_may_take_long_texts(service: Service, model: ScriptedChat) -> None:
    """Regression: tools' schemas were limited to what a grammar can spell out, 1,000 characters."""
    model.replies = ["Hello."]
    note = {"type": "object", "properties": {"text": {"type": "string", "maxLength": 65_536}}}
    tools = [{"type": "function", "function": {"name": "write_note", "parameters": note}}]
    await post(service, ASKED, tools=tools)
    assert model.arguments[0]["tools"][0]["function"]["parameters"] == note


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("agent mode", {"agent_type": "react", "tool_choice": "required"}, "tool_choice"),
    ("twice", {"tools": [WEATHER, WEATHER]}, "tools"),
    ("no name", {"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name"),
    ("another kind", {"tools": [{"type": "custom", "custom": {}}]}, "tools.0.type"),
    ("choice of nobody", {"tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
    ("required of none", {"tools": None, "tool_choice": "required"}, "tool_choice"),
    (
        "too much",
        {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"maxItems": 10**9}}}]},
        "tools.0.function.parameters",
    ),
]


@pytest.mark.parametrize(("extra", "param"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
async def test_bad_tools_are_named(service: Service, extra: dict[str, Any], param: str) -> None:
    answer = await service.http.post("/v1/chat/completions", json={"messages": [ASKED], "tools": [WEATHER], **extra})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param


async def test_a_model_without_tools_says_so(service: Service, model: ScriptedChat) -> None:
    model.native_tools, model.replies = False, ["I cannot know."]
    body = {"messages": [ASKED], "tools": [WEATHER], "tool_choice": "required"}
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "tools"
    told = await post(service, ASKED, agent_type="chat")
    assert told["x_agent_metadata"]["client_tools"] == {
        "offered": [],
        "left_out": ["get_weather"],
        "reason": "the model does not support tools",
    }
    assert "tools" not in model.arguments[0]
