"""`/v1/responses`: the kinds of tools that clients define, and the choice among them, through the official SDK."""

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from openai import BadRequestError
from openai.types.responses import ResponseCustomToolCall, ResponseFunctionToolCall
from openai.types.responses.response_output_item import LocalShellCall

from llm.scripted import ScriptedChat
from tests.serving import Service

pytestmark = pytest.mark.one_service

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER: dict[str, Any] = {"type": "function", "name": "weather", "parameters": SCHEMA}
TIME: dict[str, Any] = {"type": "function", "name": "time", "parameters": SCHEMA}
PATCH: dict[str, Any] = {"type": "custom", "name": "patch", "description": "Edits files."}
CRM: dict[str, Any] = {
    "type": "namespace",
    "name": "crm",
    "description": "Customers.",
    "tools": [{"type": "function", "name": "weather", "description": "Of a customer."}, {**PATCH}],
}


@pytest.fixture
def model(model: ScriptedChat) -> ScriptedChat:
    model.native_tools = True
    return model


def calls(*made: tuple[str, Any]) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"call_{name}"} for name, args in made])


def names(model: ScriptedChat) -> list[str]:
    """Of the tools that the model was given."""
    return [tool["function"]["name"] for tool in model.arguments[-1].get("tools", [])]


async def create(service: Service, **body: Any) -> Any:
    return await service.client.responses.create(**{"model": "chat", "input": "hi", **body})


@pytest.mark.parametrize("other", ["web_search", "code_interpreter", "tool_search", "image_generation", "from_2030"])
async def test_other_tools_are_dropped_beside_functions(service: Service, model: ScriptedChat, other: str) -> None:
    model.replies = [calls(("weather", {"city": "Rome"}))]
    response = await create(service, tools=[WEATHER, {"type": other}], metadata={"a": "b"})
    assert response.metadata == {"a": "b", "dropped_tools": other}
    assert names(model) == ["weather"]
    model.replies = [*model.replies, "hello"]
    assert (await create(service, tools=[WEATHER])).metadata == {}


async def test_an_unknown_tool_alone_is_an_error(service: Service) -> None:
    with pytest.raises(BadRequestError) as refused:
        await create(service, tools=[{"type": "web_search"}, {"type": "from_2030"}])
    assert refused.value.param == "tools.1.type"


async def test_tools_of_one_name_in_two_namespaces_are_told_apart(service: Service, model: ScriptedChat) -> None:
    model.replies = [
        calls(("weather", {}), ("crm__weather", {"city": "Rome"}), ("crm__patch", {"input": "x"})),
        "Done.",
    ]
    first = await create(service, tools=[WEATHER, CRM])
    assert names(model) == ["weather", "crm__weather", "crm__patch"]
    plain, named, free = first.output
    assert isinstance(plain, ResponseFunctionToolCall)
    assert (plain.name, plain.namespace) == ("weather", None)
    assert isinstance(named, ResponseFunctionToolCall)
    assert (named.name, named.namespace, json.loads(named.arguments)) == ("weather", "crm", {"city": "Rome"})
    assert isinstance(free, ResponseCustomToolCall)
    assert (free.name, free.namespace, free.input) == ("patch", "crm", "x")
    described = [tool["function"].get("description") for tool in model.arguments[-1]["tools"]]
    assert described[1] == "Customers.\nOf a customer."
    # The calls come back as they were named, with their results, and mean the same functions.
    results = [
        {"type": f"{item.type}_output", "call_id": item.call_id, "output": f"of {item.call_id}"}
        for item in first.output
    ]
    given = [*(item.model_dump(exclude_none=True) for item in first.output), *results]
    await create(service, input=[{"role": "user", "content": "hi"}, *given], tools=[WEATHER, CRM])
    called = model.asked[-1][-4]
    assert isinstance(called, AIMessage)
    assert [call["name"] for call in called.tool_calls] == ["weather", "crm__weather", "crm__patch"]
    assert [message.text for message in model.asked[-1][-3:]] == [result["output"] for result in results]


async def test_long_and_odd_names_stay_apart(service: Service, model: ScriptedChat) -> None:
    tools = [{"type": "function", "name": f"{'read' * 15}_{at}"} for at in range(3)]
    model.replies = ["ok"]
    await create(service, tools=[{"type": "namespace", "name": "mcp__my server/1", "description": "", "tools": tools}])
    found = names(model)
    assert len(set(found)) == 3
    assert all(len(name) <= 64 and name.replace("_", "").isalnum() for name in found)


async def test_a_grammar_is_shown_to_the_model(service: Service, model: ScriptedChat) -> None:
    model.replies = ["ok"]
    form = {"type": "grammar", "syntax": "lark", "definition": 'start: "a"+'}
    await create(service, tools=[{**PATCH, "format": form}])
    (tool,) = model.arguments[-1]["tools"]
    assert 'start: "a"+' in tool["function"]["parameters"]["properties"]["input"]["description"]


@pytest.mark.parametrize(("written", "text"), [('{"input": "a\\nb"}', "a\nb"), ("*** Begin Patch", "*** Begin Patch")])
async def test_free_text_is_forgiven_its_wrapping(
    service: Service, model: ScriptedChat, written: str, text: str
) -> None:
    broken = {"name": "patch", "args": written, "id": "call_1", "error": None, "type": "invalid_tool_call"}
    model.replies = [AIMessage("", invalid_tool_calls=[broken])]
    async with service.client.responses.stream(model="chat", input="hi", tools=[PATCH]) as stream:  # type: ignore[list-item]
        kinds = [event.type async for event in stream]
        response = await stream.get_final_response()
    (item,) = response.output
    assert isinstance(item, ResponseCustomToolCall)
    assert item.input == text
    assert kinds.count("response.custom_tool_call_input.done") == 1


async def test_a_local_shell_is_called_and_answered(service: Service, model: ScriptedChat) -> None:
    model.replies = [calls(("local_shell", {"command": ["ls", "-l"], "timeout_ms": 500})), "One file."]
    first = await create(service, tools=[{"type": "local_shell"}])
    (item,) = first.output
    assert isinstance(item, LocalShellCall)
    assert (item.action.command, item.action.timeout_ms) == (["ls", "-l"], 500)
    result = {"type": "local_shell_call_output", "id": item.call_id, "output": "a.txt"}
    given = [{"role": "user", "content": "hi"}, item.model_dump(exclude_none=True), result]
    second = await create(service, input=given, tools=[{"type": "local_shell"}])
    assert second.output_text == "One file."
    assert model.asked[-1][-1].text == "a.txt"


@pytest.mark.parametrize("mode", ["auto", "required"])
async def test_only_allowed_tools_are_given(service: Service, model: ScriptedChat, mode: str) -> None:
    model.replies = [calls(("time", {}))]
    allowed = [{"type": "function", "name": "time"}, {"type": "custom", "name": "patch"}, {"type": "web_search"}]
    choice = {"type": "allowed_tools", "mode": mode, "tools": allowed}
    tools = [WEATHER, TIME, PATCH, {"type": "web_search"}]
    response = await create(service, tools=tools, tool_choice=choice)
    assert names(model) == ["time", "patch"]
    assert (model.arguments[-1].get("tool_choice") or "auto") == mode
    assert response.tool_choice.mode == mode


@pytest.mark.parametrize("mode", ["auto", "required"])
async def test_only_allowed_tools_are_given_in_chat_completions(
    service: Service, model: ScriptedChat, mode: str
) -> None:
    model.replies = [calls(("time", {}))]
    tools = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("weather", "time")]
    chosen = {"mode": mode, "tools": [{"type": "function", "function": {"name": "time"}}]}
    choice: Any = {"type": "allowed_tools", "allowed_tools": chosen}
    asked: Any = {"model": "chat", "messages": [{"role": "user", "content": "hi"}], "tools": tools}
    await service.client.chat.completions.create(**asked, tool_choice=choice)
    assert names(model) == ["time"]
    assert (model.arguments[-1].get("tool_choice") or "auto") == mode
    chosen["tools"] = [{"type": "function", "function": {"name": "nobody"}}]
    with pytest.raises(BadRequestError, match="'nobody', which is not in tools"):
        await service.client.chat.completions.create(**asked, tool_choice=choice)


async def test_the_services_tools_can_be_allowed(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Final Answer: hello"]
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "code_interpreter"}]}
    tools = [{"type": "code_interpreter", "container": {"type": "auto"}}, {"type": "web_search"}]
    response = await create(service, model="auto", tools=tools, tool_choice=allowed)
    assert response.model_extra["x_agent_metadata"]["agent_type"] == "react"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"type": "function", "name": "nobody"}, "tool_choice"),
    ({"type": "custom", "name": "weather"}, "tool_choice"),
    ({"type": "web_search"}, "tool_choice"),
    ({"type": "allowed_tools", "mode": "all", "tools": []}, "tool_choice.mode"),
    ({"type": "allowed_tools", "mode": "auto", "tools": "time"}, "tool_choice.tools"),
    ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "no"}]}, "tool_choice.tools.0"),
    ({"type": "allowed_tools", "mode": "auto", "tools": []}, "tool_choice.tools"),
]


@pytest.mark.parametrize(("choice", "param"), BAD)
async def test_a_choice_of_nothing_is_named(service: Service, choice: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        await create(service, tools=[WEATHER], tool_choice=choice)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([WEATHER, {"type": "function", "name": "a b"}], "tools.1.name"),
        ([{**CRM, "tools": "x"}], "tools.0.tools"),
        ([{**CRM, "tools": [WEATHER, {**WEATHER, "parameters": 3}]}], "tools.0.tools.1.parameters"),
        ([WEATHER, WEATHER], "tools"),
        ([{**WEATHER, "name": {}}], "tools.0.name"),
    ],
)
async def test_a_tool_that_cannot_be_used_is_named(service: Service, tools: list[Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        await create(service, tools=tools)
    assert refused.value.param == param


@pytest.mark.parametrize("route", ["responses", "chat"])
async def test_penalties_reach_the_model_and_verbosity_its_prompt(
    service: Service, model: ScriptedChat, route: str
) -> None:
    model.replies = ["ok"]
    penalties: dict[str, Any] = {"frequency_penalty": 0.5, "presence_penalty": -1}
    if route == "responses":
        more = {"text": {"verbosity": "high"}, "store": False, "include": ["reasoning.encrypted_content"]}
        answer = await create(service, extra_body=penalties, reasoning={"summary": "auto", "effort": "low"}, **more)
        assert answer.text.verbosity == "high"
    else:
        asked: Any = {"model": "chat", "messages": [{"role": "user", "content": "hi"}], "verbosity": "high"}
        await service.client.chat.completions.create(**asked, **penalties)
    given = {name: model.arguments[-1][name] for name in penalties}
    assert given == penalties
    assert "Answer in detail." in model.asked[-1][0].text
