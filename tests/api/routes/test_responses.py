"""`/v1/responses`: the cases of the Open Responses specification, through the official SDK, and our extensions."""

import asyncio
import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from openai import NotFoundError

from llm.scripted import ScriptedChat
from tests.api.turns.test_attachments import data_url
from tests.serving import Service, folders, python_step, until

pytestmark = pytest.mark.one_service

TOOL: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def model(model: ScriptedChat) -> ScriptedChat:
    model.native_tools = True
    return model


def call(city: str = "Paris") -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "get_weather", "args": {"city": city}, "id": "call_1"}])


async def post(service: Service, **body: Any) -> dict[str, Any]:
    answer = await service.http.post("/v1/responses", json={"model": "chat", **body})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def events(service: Service, **body: Any) -> list[dict[str, Any]]:
    answer = await service.http.post("/v1/responses", json={"model": "chat", "stream": True, **body})
    assert answer.status_code == 200, answer.text
    frames = [frame for frame in answer.text.split("\n\n") if frame]
    assert frames[-1] == "data: [DONE]"
    found = []
    for frame in frames[:-1]:
        first, second = frame.split("\n")
        event = json.loads(second.removeprefix("data: "))
        assert first == f"event: {event['type']}"
        found.append(event)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


async def test_basic(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Hello there."]
    response = await service.client.responses.create(model="chat", input="Say hello.")
    assert response.id.startswith("resp_")
    assert (response.object, response.status, response.output_text) == ("response", "completed", "Hello there.")
    assert response.output[0].type == "message"
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
    assert response.error is None
    assert response.model == "scripted"


async def test_streaming(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Hello there."]
    found = await events(service, input=[{"role": "user", "content": "Say hello."}])
    kinds = list(dict.fromkeys(event["type"] for event in found))
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    deltas = [event["delta"] for event in found if event["type"] == "response.output_text.delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == found[-1]["response"]["output"][0]["content"][0]["text"] == "Hello there."
    assert found[2]["item"]["content"] == []
    assert found[0]["response"]["status"] == "in_progress"


async def test_system_prompt_is_for_one_response(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Arr.", "Yes."]
    first = await post(service, input="Hello.", instructions="Talk like a pirate.")
    await post(service, input="Again.", previous_response_id=first["id"])
    assert model.asked[0][0].text == "Talk like a pirate."
    assert "pirate" not in model.asked[1][0].text
    model.replies += ["Aye."]
    system = {"role": "system", "content": "Be brief."}
    await post(service, input=[system, {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}])
    assert model.asked[2][0].text == "Be brief."


@pytest.mark.parametrize("by", ["previous response", "whole history", "reference"])
async def test_tool_call_and_its_round_trip(service: Service, model: ScriptedChat, by: str) -> None:
    model.replies = [call(), "It is 21."]
    asked = {"role": "user", "content": "Weather in Paris?"}
    first = await service.client.responses.create(model="auto", input=[asked], tools=[TOOL])  # type: ignore[list-item]
    (item,) = first.output
    assert item.type == "function_call"
    assert (item.name, json.loads(item.arguments), item.call_id) == ("get_weather", {"city": "Paris"}, "call_1")
    result = {"type": "function_call_output", "call_id": "call_1", "output": "21 degrees"}
    ways: dict[str, dict[str, Any]] = {
        "previous response": {"input": [result], "previous_response_id": first.id},
        "whole history": {"input": [asked, item.model_dump(exclude_none=True), result]},
        "reference": {"input": [asked, {"type": "item_reference", "id": item.id}, result]},
    }
    second = await post(service, **ways[by], tools=[TOOL])
    assert second["output"][0]["content"][0]["text"] == "It is 21."
    assert second["x_session_id"] == (first.model_extra or {})["x_session_id"]
    assert [message.type for message in model.asked[1][1:]] == ["human", "ai", "tool"]


async def test_tool_call_streamed(service: Service, model: ScriptedChat) -> None:
    model.replies = [call()]
    found = await events(
        service, input="Weather?", tools=[TOOL], tool_choice={"type": "function", "name": TOOL["name"]}
    )
    deltas = [event["delta"] for event in found if event["type"] == "response.function_call_arguments.delta"]
    (done,) = [event for event in found if event["type"] == "response.function_call_arguments.done"]
    assert len(deltas) > 1
    assert json.loads("".join(deltas)) == json.loads(done["arguments"]) == {"city": "Paris"}
    assert model.arguments[0]["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}


async def test_image_and_file_input(service: Service, model: ScriptedChat) -> None:
    model.replies = ["A flag, and numbers."]
    parts = [
        {"type": "input_text", "text": "What are these?"},
        {"type": "input_image", "image_url": data_url()},
        {"type": "input_file", "filename": "a.csv", "file_data": data_url(b"a,b\n1,2\n", "text/csv")},
    ]
    told = await post(service, input=[{"role": "user", "content": parts}])
    artifacts = (await service.http.get(f"/api/conversations/{told['x_session_id']}/artifacts")).json()["artifacts"]
    assert {artifact["filename"] for artifact in artifacts} == {"image.png", "a.csv"}


async def test_multi_turn_by_history(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Your name is Ann."]
    history = [
        {"role": "user", "content": "I am Ann."},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Hello Ann."}]},
        {"role": "user", "content": "Who am I?"},
    ]
    await post(service, input=history)
    assert [message.text for message in model.asked[0][1:]] == ["I am Ann.", "Hello Ann.", "Who am I?"]


async def test_any_earlier_response_can_be_gone_on_from(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one", "two", "three", "other"]
    first = await post(service, input="a")
    second = await post(service, input="b", previous_response_id=first["id"])
    third = await post(service, input="c", previous_response_id=second["id"])
    fork = await post(service, input="d", previous_response_id=first["id"])
    assert [message.text for message in model.asked[2][1:]] == ["a", "one", "b", "two", "c"]
    assert [message.text for message in model.asked[3][1:]] == ["a", "one", "d"]
    assert first["x_session_id"] == second["x_session_id"] == third["x_session_id"] != fork["x_session_id"]
    assert fork["previous_response_id"] == first["id"]


async def test_a_conversation_is_a_session(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one", "two"]
    first = await post(service, input="a")
    second = await post(service, input="b", conversation={"id": first["conversation"]["id"]})
    assert second["conversation"] == first["conversation"] == {"id": first["x_session_id"]}


async def test_an_agents_steps_are_native_items(service: Service, model: ScriptedChat) -> None:
    model.native_tools = False
    model.replies = [python_step("print(6 * 7)"), "Final Answer: It is 42."] * 2
    found = await events(service, model="react", input="6 * 7?", tools=[{"type": "code_interpreter", "container": "x"}])
    output = found[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "code_interpreter_call", "message"]
    assert "I compute it." in output[0]["summary"][0]["text"]
    assert output[1]["code"] == "print(6 * 7)"
    assert output[1]["outputs"] == [{"type": "logs", "logs": "42"}]
    assert output[2]["content"][0]["text"] == "It is 42."
    kinds = [event["type"] for event in found]
    assert kinds.index("response.reasoning_summary_text.delta") < kinds.index(
        "response.code_interpreter_call.completed"
    )
    done = [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert done == output
    parsed = await service.client.responses.create(model="react", input="6 * 7?")
    assert [item.type for item in parsed.output] == ["reasoning", "code_interpreter_call", "message"]


async def test_tools_that_are_not_asked_for_are_not_there(service: Service, model: ScriptedChat) -> None:
    """Without Python, the agent chose to read a page that nobody had named, and failed."""
    model.native_tools = False
    model.replies, model.repeat = [python_step("print(1)"), "Final Answer: no"], True
    told = await post(service, model="react", input="What is it?", tools=[{"type": "file_search"}])
    steps = told["x_agent_metadata"]["steps"]
    assert steps
    assert all(step["tool"] != "python_coder" or step["error"] for step in steps)
    assert all(item["type"] != "web_search_call" for item in told["output"])


async def test_an_answer_of_a_form(service: Service, model: ScriptedChat) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    model.replies = ['{"city": "Oslo"}']
    told = await post(
        service, input="Where?", text={"format": {"type": "json_schema", "name": "place", "schema": schema}}
    )
    assert told["output"][0]["content"][0]["text"] == '{"city": "Oslo"}'
    assert model.arguments[0]["response_format"]["json_schema"] == {"name": "place", "schema": schema}


async def test_the_limit_makes_it_incomplete(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one two three four"]
    told = await post(service, input="count", max_output_tokens=1)
    assert (told["status"], told["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


async def test_it_can_be_asked_for_again_and_forgotten(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Hello."] * 2
    responses = service.client.responses
    made = await responses.create(model="chat", input="Hi", metadata={"a": "b"})
    assert (await responses.retrieve(made.id)).model_dump() == made.model_dump()
    items = await responses.input_items.list(made.id)
    assert [item.model_dump()["content"][0]["text"] for item in items.data] == ["Hi"]
    await responses.delete(made.id)
    with pytest.raises(NotFoundError):
        await responses.retrieve(made.id)
    not_kept = await responses.create(model="chat", input="Hi", store=False)
    with pytest.raises(NotFoundError):
        await responses.retrieve(not_kept.id)


async def test_a_deleted_conversation_takes_its_responses_along(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Hello."]
    made = await post(service, input="Hi")
    await service.http.delete(f"/api/conversations/{made['x_session_id']}")
    assert (await service.http.get(f"/v1/responses/{made['id']}")).status_code == 404


async def test_a_response_under_way_is_cancelled(service: Service, model: ScriptedChat) -> None:
    model.replies, model.gate = ["word " * 100, "Hello."], asyncio.Semaphore(3)
    async with await service.client.responses.create(model="chat", input="Go on.", stream=True) as stream:
        first = await anext(aiter(stream))
        assert first.type == "response.created"
        await until(lambda: len(model.asked) == 1)
        cancelled = await service.client.responses.cancel(first.response.id)
        assert cancelled.status == "cancelled"
        last = [event async for event in stream][-1]
        assert last.type == "response.failed"
        assert last.response.status == "cancelled"
    assert (await service.client.responses.cancel(first.response.id)).status == "cancelled"
    model.gate = None
    assert (await post(service, input="Hi", conversation=first.response.conversation.id))["status"] == "completed"  # type: ignore[union-attr]


async def test_in_the_background(service: Service, model: ScriptedChat) -> None:
    model.replies, model.gate = ["Hello."], asyncio.Semaphore(0)
    begun = await service.client.responses.create(model="chat", input="Hi", background=True)
    assert begun.status == "in_progress"
    assert (await service.client.responses.retrieve(begun.id)).status == "in_progress"
    for _ in range(10):
        model.gate.release()
    async with asyncio.timeout(10):
        while (now := await service.client.responses.retrieve(begun.id)).status == "in_progress":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert now.output_text == "Hello."


async def test_an_error_in_the_middle_is_told_and_kept(service: Service, model: ScriptedChat) -> None:
    from llm.errors import ModelError

    model.replies = [ModelError("The model is on fire.")]
    found = await events(service, input="Hi")
    assert found[-1]["type"] == "response.failed"
    assert found[-1]["response"]["error"]["message"] == "The model is on fire."
    kept = (await service.http.get(f"/v1/responses/{found[0]['response']['id']}")).json()
    assert kept["status"] == "failed"


RESULT = {"type": "function_call_output", "call_id": "x", "output": "y"}
STRICT = {"type": "json_schema", "name": "x", "strict": True, "schema": {"type": "string"}}


async def test_what_json_cannot_say_is_refused(service: Service) -> None:
    """The body is repeated in the response, which then was a 500."""
    headers = {"content-type": "application/json"}
    for odd in ('"instructions": "\\ud83d"', '"tools": [{"type": "web_search", "x": NaN}]', '"tools": [{"type": {}}]'):
        answer = await service.http.post("/v1/responses", content=f'{{"input": "a", {odd}}}', headers=headers)
        assert answer.status_code == 400, odd


BAD: list[tuple[str, dict[str, Any], int, str]] = [
    ("no input", {}, 400, "input"),
    ("empty", {"input": []}, 400, "input"),
    ("unknown item", {"input": [{"type": "dream"}]}, 400, "input.0.type"),
    ("unknown role", {"input": [{"role": "root", "content": "x"}]}, 400, "input.0.role"),
    ("answer to nothing", {"input": [RESULT]}, 400, "input.0.tool_call_id"),
    ("unknown response", {"input": "a", "previous_response_id": "resp_x"}, 400, "previous_response_id"),
    ("two pasts", {"input": "a", "previous_response_id": "resp_x", "conversation": "c"}, 400, "previous_response_id"),
    ("unknown tool", {"input": "a", "tools": [{"type": "computer_use_preview"}]}, 400, "tools.0.type"),
    ("no tools", {"input": "a", "tools": [TOOL], "tool_choice": "required"}, 400, "tools"),
    ("choice of nobody", {"input": "a", "tool_choice": {"type": "web_search"}}, 400, "tool_choice"),
    ("bad format", {"input": "a", "text": {"format": {"type": "xml"}}}, 400, "text.format"),
    ("strict schema", {"input": "a", "text": {"format": STRICT}}, 400, "text.format"),
    ("background that is not kept", {"input": "a", "background": True, "store": False}, 400, "background"),
    ("effort", {"input": "a", "reasoning": {"effort": "huge"}}, 400, "reasoning.effort"),
    ("unknown model", {"input": "a", "model": "gpt-9"}, 404, "model"),
]


@pytest.mark.parametrize(("body", "status", "param"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
async def test_what_cannot_be_done_is_named(service: Service, body: dict[str, Any], status: int, param: str) -> None:
    before = folders(service)
    answer = await service.http.post("/v1/responses", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["param"] == param
    assert folders(service) == before
