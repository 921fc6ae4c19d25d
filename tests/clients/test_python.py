"""openai-python (async, sync, `.stream()`, `.responses`), langchain-openai and curl against a real server."""

import asyncio
import base64
import json
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from openai import APIError, OpenAI
from pydantic import BaseModel, SecretStr

from tests.clients.scenes import BREAK, BROKEN, CITY, FUNCTION, HELLO, JSON, LONG, LOOK, PNG, WEATHER, SceneChat
from tests.serving import Service, until

IMAGE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
TOOLS: Any = [{"type": "function", "function": FUNCTION}]


class Place(BaseModel):
    city: str


def says(text: str) -> Any:
    return [{"role": "user", "content": text}]


def looks() -> Any:
    image = {"type": "image_url", "image_url": {"url": IMAGE}}
    return [{"role": "user", "content": [{"type": "text", "text": LOOK}, image]}]


async def test_openai_async(service: Service, model: SceneChat) -> None:
    create = service.client.chat.completions.create
    plain = await create(model="chat", messages=says(HELLO))
    assert plain.choices[0].message.content == "Hello there."
    first = await create(model="auto", messages=says(WEATHER), tools=TOOLS)
    message = first.choices[0].message
    result: Any = {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"}
    second = await create(model="auto", messages=[*says(WEATHER), message, result], tools=TOOLS)  # type: ignore[list-item]
    assert second.choices[0].message.content == "It is 21 degrees."
    assert (await create(model="chat", messages=looks())).choices[0].message.content == "A flag."


async def test_openai_stream_helper_and_parse(service: Service) -> None:
    completions = service.client.chat.completions
    async with completions.stream(model="chat", messages=says(HELLO)) as stream:
        pieces = [event.delta async for event in stream if event.type == "content.delta"]
    assert len(pieces) > 1
    assert "".join(pieces) == "Hello there."
    async with completions.stream(model="auto", messages=says(WEATHER), tools=TOOLS) as calling:
        kinds = {event.type async for event in calling}
        calls = (await calling.get_final_completion()).choices[0].message.tool_calls or []
    assert "tool_calls.function.arguments.delta" in kinds
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Oslo"}]
    parsed = await completions.parse(model="chat", messages=says(JSON), response_format=Place)
    assert parsed.choices[0].message.parsed == Place(city="Oslo")


async def test_openai_cancelled_in_the_middle(service: Service, model: SceneChat) -> None:
    model.gate = asyncio.Semaphore(4)
    stream = await service.client.chat.completions.create(model="chat", messages=says(LONG), stream=True)
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    await stream.close()
    session = (await service.http.get("/api/conversations")).json()["sessions"][0]["session_id"]

    async def status() -> str:
        return str((await service.http.get(f"/api/conversations/{session}/run")).json()["status"])

    async with asyncio.timeout(10):
        while await status() == "in_progress":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert model.finished == 0
    model.gate = None
    after = await service.client.chat.completions.create(
        model="chat", messages=says(HELLO), extra_body={"session_id": session}
    )
    assert after.choices[0].message.content == "Hello there."


async def test_openai_error_in_the_middle(service: Service) -> None:
    text = ""
    stream = await service.client.chat.completions.create(model="chat", messages=says(BREAK), stream=True)
    with pytest.raises(APIError, match=BROKEN):
        async for chunk in stream:
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    assert text.startswith("word")
    with pytest.raises(APIError, match=BROKEN):
        await service.client.chat.completions.create(model="chat", messages=says(BREAK))


async def test_openai_sync(service: Service) -> None:
    def ask() -> tuple[str, str]:
        with OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as client:
            plain = client.chat.completions.create(model="chat", messages=says(HELLO))
            stream = client.chat.completions.create(model="chat", messages=says(HELLO), stream=True)
            streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
            return plain.choices[0].message.content or "", streamed

    assert await asyncio.to_thread(ask) == ("Hello there.", "Hello there.")


async def test_openai_responses(service: Service) -> None:
    responses = service.client.responses
    async with responses.stream(model="chat", input=HELLO) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert final.output_text == "Hello there."
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    tool: Any = {"type": "function", "strict": True, **FUNCTION}
    first = await responses.create(model="auto", input=WEATHER, tools=[tool])
    result: Any = {"type": "function_call_output", "call_id": "call_1", "output": "21 degrees"}
    second = await responses.create(model="auto", input=[result], tools=[tool], previous_response_id=first.id)
    assert second.output_text == "It is 21 degrees."
    parsed = await responses.parse(model="chat", input=JSON, text_format=Place)
    assert parsed.output_parsed == Place(city="Oslo")
    with pytest.raises(APIError, match=BROKEN):
        await responses.create(model="chat", input=BREAK)


@pytest.mark.parametrize("responses", [False, True], ids=["completions", "responses"])
async def test_langchain_openai(service: Service, responses: bool) -> None:
    chat = ChatOpenAI(
        model="auto",
        base_url=f"{service.url}/v1",
        api_key=SecretStr("none"),
        max_retries=0,
        use_responses_api=responses,
        stream_usage=True,
    )
    assert (await chat.ainvoke(HELLO)).text == "Hello there."
    chunks = [chunk async for chunk in chat.astream(HELLO)]
    assert "".join(chunk.text for chunk in chunks) == "Hello there."
    assert len(chunks) > 2
    bound = chat.bind_tools(TOOLS)
    question = HumanMessage(WEATHER)
    called = await bound.ainvoke([question])
    assert [(call["name"], call["args"]) for call in called.tool_calls] == [("get_weather", {"city": "Oslo"})]
    result = ToolMessage("21 degrees", tool_call_id=called.tool_calls[0]["id"])
    assert (await bound.ainvoke([question, called, result])).text == "It is 21 degrees."
    image = {"type": "image_url", "image_url": {"url": IMAGE}}
    looking = chat.model_copy(update={"model_name": "chat"})
    assert (await looking.ainvoke([HumanMessage([{"type": "text", "text": LOOK}, image])])).text == "A flag."
    assert await chat.with_structured_output(Place, method="json_schema").ainvoke(JSON) == Place(city="Oslo")


async def test_curl(service: Service) -> None:
    async def curl(*arguments: str) -> str:
        process = await asyncio.create_subprocess_exec("curl", "-sS", *arguments, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out.decode()

    headers = ("-H", "Content-Type: application/json")
    url = f"{service.url}/v1/chat/completions"
    plain = json.loads(await curl(*headers, "-d", json.dumps({"messages": says(HELLO)}), url))
    assert plain["choices"][0]["message"]["content"] == "Hello there."
    streamed = await curl("-N", *headers, "-d", json.dumps({"messages": says(HELLO), "stream": True}), url)
    assert streamed.rstrip().endswith("data: [DONE]")
    form = await curl("-F", f"messages={json.dumps(says(JSON))}", "-F", 'response_format={"type": "json_object"}', url)
    assert json.loads(form)["choices"][0]["message"]["content"] == CITY


async def test_nothing_is_left_running(service: Service, model: SceneChat) -> None:
    """A client that disconnects before its first frame also ends its run."""
    model.gate = asyncio.Semaphore(0)
    asking = asyncio.create_task(
        service.http.post("/v1/chat/completions", json={"model": "chat", "messages": says(LONG)})
    )
    await until(lambda: len(model.asked) == 1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    model.gate = None
    assert (await service.client.chat.completions.create(model="chat", messages=says(HELLO))).choices
    assert model.finished == 1
