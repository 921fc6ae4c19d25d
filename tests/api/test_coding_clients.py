"""Requests that coding agents really send, recorded from their releases and shortened.

Long texts end with the number of characters that are left out, which filler replaces: their length matters.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage

from llm.scripted import ScriptedChat
from tests.api.client import rows
from tests.serving import Service

_LEFT_OUT = re.compile(r"… \[(\d+) more\]")
RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> list[dict[str, Any]]:
    text = _LEFT_OUT.sub(lambda match: "and " * (int(match[1]) // 4), (RECORDED / f"{name}.json").read_text())
    found: list[dict[str, Any]] = json.loads(text)
    return found


@pytest.fixture
def model(model: ScriptedChat) -> ScriptedChat:
    model.native_tools = True
    return model


async def send(service: Service, request: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    """The events or chunks of the streamed answer."""
    body = request["body"] | fields
    assert body["stream"]
    answer = await service.http.post(request["path"], json=body, headers=request["headers"])
    assert answer.status_code == 200, answer.text
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def calls_of(items: list[dict[str, Any]]) -> AIMessage:
    """The model's reply that led to these items of the recorded request."""
    text = "".join(part["text"] for item in items if item["type"] == "message" for part in item["content"])
    made = [item for item in items if item["type"] == "function_call"]
    calls = [{"name": item["name"], "args": json.loads(item["arguments"]), "id": item["call_id"]} for item in made]
    return AIMessage(text, tool_calls=calls)


async def test_codex_works_through_a_task_in_one_session(service: Service, model: ScriptedChat) -> None:
    (request,) = recorded("codex")
    items = request["body"]["input"]
    kinds = [item["type"] for item in items]
    assert kinds[4:] == ["message", *["function_call", "function_call_output"], *["function_call"] * 2, *kinds[-2:]]
    model.replies = [calls_of(items[4:6]), calls_of(items[7:9]), "It is 55."]
    responses = [(await send(service, request, input=items[:end]))[-1]["response"] for end in (4, 7, len(items))]
    assert {response["status"] for response in responses} == {"completed"}
    assert {response["metadata"]["dropped_tools"] for response in responses} == {"web_search"}
    assert len({response["x_session_id"] for response in responses}) == 1
    assert responses[-1]["output"][-1]["content"][0]["text"] == "It is 55."
    # The model has seen every message once, and all tools, those of the namespace too.
    said = [type(message).__name__ for message in model.asked[-1]]
    assert said[:3] == ["SystemMessage", "HumanMessage", "HumanMessage"]
    assert said[3:] == ["AIMessage", "ToolMessage", "AIMessage", "ToolMessage", "ToolMessage"]
    results = [message.text for message in model.asked[-1] if isinstance(message, ToolMessage)]
    assert results == [item["output"] for item in items if item["type"] == "function_call_output"]
    names = [tool["function"]["name"] for tool in model.arguments[-1]["tools"]]
    assert {"exec_command", "multi_agent_v1__spawn_agent"} <= set(names)


async def test_codex_gets_the_call_of_a_namespace_back_as_it_named_it(service: Service, model: ScriptedChat) -> None:
    (request,) = recorded("codex")
    call = {"name": "multi_agent_v1__close_agent", "args": {"target": "a"}, "id": "call_1"}
    model.replies = [AIMessage("", tool_calls=[call])]
    events = await send(service, request, input=request["body"]["input"][:4])
    (item,) = events[-1]["response"]["output"]
    assert (item["namespace"], item["name"]) == ("multi_agent_v1", "close_agent")
    added = next(event["item"] for event in events if event["type"] == "response.output_item.added")
    assert (added["namespace"], added["name"]) == ("multi_agent_v1", "close_agent")


@pytest.mark.parametrize("at", [0, 1])
async def test_codex_as_it_talks_to_openais_models(service: Service, model: ScriptedChat, at: int) -> None:
    """Free-text tools, and tools that are defined in the input."""
    request = recorded("codex_openai_models")[at]
    name = ["apply_patch", "functions__exec"][at]
    patch = "*** Begin Patch\n*** Add File: a.txt\n+hello\n*** End Patch"
    model.replies = [AIMessage("", tool_calls=[{"name": name, "args": {"input": patch}, "id": "call_1"}]), "Done."]
    events = await send(service, request, model="auto")
    (item,) = events[-1]["response"]["output"]
    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", ["apply_patch", "exec"][at], patch)
    deltas = [event["delta"] for event in events if event["type"] == "response.custom_tool_call_input.delta"]
    assert "".join(deltas) == patch
    result = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "Success."}
    then = [*request["body"]["input"], item, result]
    last = (await send(service, request, model="auto", input=then))[-1]["response"]
    assert last["x_session_id"] == events[-1]["response"]["x_session_id"]
    called, answered = model.asked[-1][-2:]
    assert isinstance(called, AIMessage)
    assert (called.tool_calls[0]["name"], called.tool_calls[0]["args"]) == (name, {"input": patch})
    assert answered.text == "Success."
    assert last["text"]["verbosity"] == "low"
    assert "Keep the answer short." in model.asked[-1][0].text


async def test_opencode_names_its_session_and_asks_for_a_title_beside_it(service: Service, model: ScriptedChat) -> None:
    title, request = recorded("opencode")
    messages = request["body"]["messages"]
    made = [message for message in messages if message["role"] == "assistant"]
    calls = [
        {"name": call["function"]["name"], "args": json.loads(call["function"]["arguments"]), "id": call["id"]}
        for message in made
        for call in message["tool_calls"]
    ]
    model.replies = [
        *("Fibonacci script", AIMessage(made[0]["content"], tool_calls=calls[:1])),
        *(AIMessage("", tool_calls=calls[1:]), "It is 55."),
    ]
    await send(service, title)
    for end in (2, 4, len(messages)):
        chunks = await send(service, request, messages=messages[:end])
    assert (
        "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])
        == "It is 55."
    )
    # Neither the title's conversation nor a second session has become part of it.
    assert rows(service, "SELECT external_id FROM sessions") == [(request["headers"]["x-session-id"],)]
    said = [type(message).__name__ for message in model.asked[-1]]
    assert said == [
        *("SystemMessage", "HumanMessage", "AIMessage", "ToolMessage"),
        *("AIMessage", "ToolMessage", "ToolMessage"),
    ]
