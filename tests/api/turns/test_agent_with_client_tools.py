"""Clients that always send tools: an agent mode runs the agent, offers their tools where it can, and says which."""

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from llm.scripted import ScriptedChat
from tests.front_end import FRONT_END, tool
from tests.people import Start
from tests.serving import Service, python_step

pytestmark = pytest.mark.one_service

COMPUTE = {"role": "user", "content": "Compute 6 * 7."}
ASKED = {"role": "user", "content": "Compute 6 * 7 degrees more than in Paris."}


WEATHER = tool("get_weather", "The weather in a city.")


@pytest.fixture
def model(model: ScriptedChat) -> ScriptedChat:
    model.native_tools = True
    return model


def call(name: str, args: dict[str, Any], number: str = "call_1", text: str = "") -> AIMessage:
    return AIMessage(text, tool_calls=[{"name": name, "args": args, "id": number}])


def program(code: str) -> AIMessage:
    return call("python_coder", {"code": code}, "p")


def names(model: ScriptedChat, number: int) -> list[str]:
    return [one["function"]["name"] for one in model.arguments[number].get("tools", [])]


async def post(service: Service, *messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = await service.http.post("/v1/chat/completions", json={"messages": list(messages), **fields})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_an_agent_has_the_client_s_tools_beside_its_own(service: Service, model: ScriptedChat) -> None:
    model.replies = [program("print(6 * 7)"), call("get_weather", {"x": "Paris"}, text="Now Paris."), "42 above 21."]
    first = await post(service, ASKED, model="react", tools=[WEATHER])
    assert names(model, 0)[:2] == ["get_weather", "python_coder"]
    choice, told = first["choices"][0], first["x_agent_metadata"]
    assert choice["finish_reason"] == "tool_calls"
    (made,) = choice["message"]["tool_calls"]
    assert (made["id"], made["function"]["name"]) == ("call_1", "get_weather")
    assert json.loads(made["function"]["arguments"]) == {"x": "Paris"}
    assert told["client_tools"] == {"offered": ["get_weather"], "left_out": [], "reason": None}
    assert (told["agent_type"], told["tools_used"]) == ("react", ["python_coder"])
    result = {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
    second = await post(service, ASKED, choice["message"], result, model="react", tools=[WEATHER])
    assert second["choices"][0]["message"]["content"] == "42 above 21."
    assert second["x_session_id"] == first["x_session_id"]
    steps = second["x_agent_metadata"]["steps"]
    assert [(step["index"], step["tool"], step["observation"]) for step in steps] == [
        (1, "python_coder", "42"),
        (2, "get_weather", "21 degrees"),
    ]
    exchange = [(type(message), message.text) for message in model.asked[2][2:]]
    assert exchange == [(AIMessage, ""), (ToolMessage, "42"), (AIMessage, "Now Paris."), (ToolMessage, "21 degrees")]


@pytest.mark.parametrize("wanted", ["auto", "react"])
async def test_steps_after_a_result_are_numbered_on(service: Service, model: ScriptedChat, wanted: str) -> None:
    model.replies = [call("get_weather", {"x": "Paris"}), program("print(21 + 42)"), "It is 63."]
    first = await post(service, ASKED, model=wanted, agent_type="react", tools=[WEATHER], stream=False)
    result = {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
    session = first["x_session_id"]
    second = await post(service, result, model=wanted, session_id=session, tools=[WEATHER])
    assert second["x_agent_metadata"]["agent_type"] == "react"
    assert [step["index"] for step in second["x_agent_metadata"]["steps"]] == [1, 2]
    assert second["choices"][0]["message"]["content"] == "It is 63."
    model.replies += ["You are welcome."]
    thanks = await post(service, {"role": "user", "content": "Thanks!"}, session_id=session)
    assert thanks["x_agent_metadata"]["steps"] == []
    told = [type(message) for message in model.asked[3][1:]]
    assert told == [HumanMessage, AIMessage, ToolMessage, AIMessage, HumanMessage]


async def test_calls_of_an_agent_stream_as_openai_s(service: Service, model: ScriptedChat) -> None:
    two = AIMessage("", tool_calls=[call("get_weather", {"x": city}, city).tool_calls[0] for city in ("Rome", "Oslo")])
    model.replies = [two]
    kept = service.client.chat.completions.stream(model="react", messages=[COMPUTE], tools=[WEATHER])  # type: ignore[list-item]
    async with kept as stream:
        whole = (await stream.get_final_completion()).choices[0]
    assert whole.finish_reason == "tool_calls"
    assert [json.loads(made.function.arguments) for made in whole.message.tool_calls or []] == [
        {"x": "Rome"},
        {"x": "Oslo"},
    ]
    model.replies.append(two)
    single = await post(service, COMPUTE, model="react", tools=[WEATHER], parallel_tool_calls=False)
    assert len(single["choices"][0]["message"]["tool_calls"]) == 1


@pytest.mark.parametrize("fields", [{"model": "react"}, {"model": "auto"}])
async def test_a_front_end_s_many_tools_leave_the_agent_its_window(
    service: Service, model: ScriptedChat, fields: dict[str, Any]
) -> None:
    model.replies = [program("print(6 * 7)"), "It is 42."]
    told = await post(service, COMPUTE, tools=FRONT_END, **fields)
    assert told["choices"][0]["message"]["content"] == "It is 42."
    tools = told["x_agent_metadata"]["client_tools"]
    assert (tools["offered"], len(tools["left_out"])) == ([], 36)
    assert "context window of 8192" in tools["reason"]
    assert names(model, 0) == ["python_coder", "read_page", "web_search"]


async def test_of_too_many_tools_those_are_offered_that_the_question_is_about(
    service: Service, model: ScriptedChat
) -> None:
    model.replies = [call("list_calendar", {})]
    asked = {"role": "user", "content": "Which talks are in my calendars?"}
    told = await post(service, asked, tools=FRONT_END, model="chat")
    assert told["x_agent_metadata"]["client_tools"]["offered"] == ["add_calendar", "list_calendar", "view_calendar"]
    assert told["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_plan_uses_only_our_tools(service: Service, model: ScriptedChat) -> None:
    model.replies = ["1. Compute 6 * 7 [python_coder]", program("print(6 * 7)"), "It is 42."]
    told = await post(service, COMPUTE, tools=[WEATHER], model="plan_execute")
    assert told["x_agent_metadata"]["client_tools"]["left_out"] == ["get_weather"]
    assert "get_weather" not in names(model, 1)


async def test_names_of_ours_stay_ours(service: Service, model: ScriptedChat) -> None:
    model.replies = [program("print(6 * 7)"), "It is 42."]
    told = await post(service, COMPUTE, tools=[WEATHER, tool("python_coder")], model="react")
    assert told["choices"][0]["message"]["content"] == "It is 42."
    tools = told["x_agent_metadata"]["client_tools"]
    assert tools["left_out"] == ["python_coder"]
    assert "names" in tools["reason"]


@pytest.mark.parametrize(
    ("question", "name", "mode"),
    [
        ("What is the latest weather in Paris?", "get_weather", "chat"),
        ("Book 2 tables at 19:30", "bookTable", "chat"),
        ("Compute the sum of the stock prices 4 and 5.", "get_stock_price", "chat"),
        ("Search the web for the newest Python", "search_web", "react"),
        ("What is 21 * 2 in https://example.org/weather ?", "get_weather", "react"),
        ("Compute 21 * 2", "get_weather", "react"),
        ("Thanks a lot!", "get_weather", "chat"),
    ],
)
async def test_auto_prefers_a_client_s_tool_that_the_question_names(
    start: Start, model: ScriptedChat, question: str, name: str, mode: str
) -> None:
    model.replies = ["Final Answer: ok"]
    async with start(tool_protocol="text") as service:
        told = await post(service, {"role": "user", "content": question}, tools=[tool(name)])
    assert told["x_agent_metadata"]["agent_type"] == mode
    assert told["x_agent_metadata"]["client_tools"]["offered"] == ([name] if mode == "chat" else [])


async def test_a_text_protocol_leaves_them_out(start: Start, model: ScriptedChat) -> None:
    model.replies = [python_step("print(6 * 7)"), "Final Answer: It is 42."]
    async with start(tool_protocol="text") as service:
        told = await post(service, COMPUTE, tools=[WEATHER], model="react")
    assert told["choices"][0]["message"]["content"] == "It is 42."
    assert told["x_agent_metadata"]["client_tools"]["left_out"] == ["get_weather"]


async def test_the_model_chooses_between_tools_if_the_words_do_not(start: Start, model: ScriptedChat) -> None:
    model.replies = ["multiply", call("multiply", {"x": "6"})]
    async with start(tool_protocol="text") as service:
        told = await post(service, COMPUTE, tools=[tool("multiply", "Multiply two integers.")])
    assert told["choices"][0]["finish_reason"] == "tool_calls"
    assert model.arguments[0]["choices"] == ["none_of_them", "multiply"]


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
async def test_a_required_call_is_refused_in_an_agent_mode(service: Service, model: ScriptedChat, choice: Any) -> None:
    body = {"messages": [COMPUTE], "tools": [WEATHER], "tool_choice": choice, "model": "react"}
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tool_choice")
    model.replies = [call("get_weather", {})]
    told = await post(service, COMPUTE, tools=[WEATHER], tool_choice=choice)
    assert told["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_request_without_tools_has_no_word_of_them(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Hello."]
    told = await post(service, {"role": "user", "content": "Hi"}, tools=[WEATHER], tool_choice="none")
    assert told["x_agent_metadata"]["client_tools"] is None


async def test_a_call_for_the_client_that_is_no_json_is_asked_for_again(service: Service, model: ScriptedChat) -> None:
    broken = {"name": "get_weather", "args": "[6", "id": "c", "error": None}
    model.replies = [AIMessage("", invalid_tool_calls=[broken]), call("get_weather", {"x": "Rome"}, "d")]
    told = await post(service, COMPUTE, tools=[WEATHER], model="react")
    assert [made["id"] for made in told["choices"][0]["message"]["tool_calls"]] == ["d"]
    assert told["x_agent_metadata"]["steps"] == []
    assert "could not be read" in model.asked[1][-1].text


async def test_json_is_wanted_of_answers_not_of_calls(service: Service, model: ScriptedChat) -> None:
    model.replies = [call("get_weather", {"x": "Rome"})]
    told = await post(service, COMPUTE, tools=[WEATHER], model="react", response_format={"type": "json_object"})
    assert told["choices"][0]["finish_reason"] == "tool_calls"


async def test_the_client_s_own_steps_do_not_use_up_the_agent_s(service: Service, model: ScriptedChat) -> None:
    model.replies = [*(call("get_weather", {"x": str(n)}, f"c{n}") for n in range(8)), program("print(6 * 7)"), "42"]
    told = await post(service, COMPUTE, tools=[WEATHER], model="react")
    for number in range(8):
        result = {"role": "tool", "tool_call_id": f"c{number}", "content": "21"}
        told = await post(service, result, session_id=told["x_session_id"], tools=[WEATHER], model="react")
    assert told["choices"][0]["message"]["content"] == "42"
    assert [step["index"] for step in told["x_agent_metadata"]["steps"]] == list(range(1, 10))


async def test_a_name_within_another_is_not_mistaken_for_it(start: Start, model: ScriptedChat) -> None:
    tools = [tool("sum", "Of two."), tool("sum_up", "Of three.")]
    model.replies = ["sum_up", call("sum_up", {})]
    async with start(tool_protocol="text") as service:
        told = await post(service, COMPUTE, tools=tools)
    assert "sum_up" in told["x_agent_metadata"]["route_reason"]
