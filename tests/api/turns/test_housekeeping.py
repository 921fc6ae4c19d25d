"""A front end's own requests get an answer but no session."""

import asyncio
from typing import Any

import pytest

from llm.scripted import ScriptedChat
from tests.api.client import ask, get, rows
from tests.nodes.rules.test_housekeeping import TITLE
from tests.serving import Service, until

TAGS_OF_A_PERSON = "Give me three tags for a photo of a lake"


async def test_a_title_is_made_without_a_session(service: Service, model: ScriptedChat) -> None:
    model.replies = ['{"title": "Moon"}']
    body = await ask(service, TITLE)
    assert body["choices"][0]["message"]["content"] == '{"title": "Moon"}'
    assert body["x_session_id"] is None
    told = body["x_agent_metadata"]
    assert (told["agent_type"], told["route_reason"]) == ("chat", "a front end's own request")
    assert (await get(service, "/api/conversations"))["sessions"] == []
    assert rows(service, "SELECT count(*) FROM checkpoints") == [(0,)]
    used = rows(service, "SELECT sum(tokens_in), sum(tokens_out) FROM usage")[0]
    assert used == (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"])


async def test_a_title_is_streamed(service: Service, model: ScriptedChat) -> None:
    model.replies = ['{"title": "Moon"}']
    messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": TITLE}]
    stream = await service.client.chat.completions.create(model="auto", messages=messages, stream=True)
    parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(parts) == '{"title": "Moon"}'
    assert model.asked[0][0].text == "Be brief."


async def test_inside_a_session_nothing_is_lost(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Hello.", "Moon", "lake, water, blue"]
    session = (await ask(service, "hi"))["x_session_id"]
    assert (await ask(service, TITLE, session_id=session))["x_session_id"] == session
    assert (await ask(service, TAGS_OF_A_PERSON, agent_type="chat"))["x_session_id"]


async def test_a_client_that_leaves_ends_it(service: Service, model: ScriptedChat) -> None:
    model.replies, model.gate = ["word " * 100], asyncio.Semaphore(3)
    body = {"messages": [{"role": "user", "content": TITLE}], "stream": True}
    async with service.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert answer.status_code == 200
        await until(lambda: len(model.asked) == 1)
    await until(lambda: rows(service, "SELECT count(*) FROM usage") == [(1,)])
    assert model.finished == 0


async def test_wrong_wishes_are_refused_as_anywhere(service: Service) -> None:
    for extra, status in (({"model": "magic"}, 404), ({"temperature": 9}, 400)):
        body = {"messages": [{"role": "user", "content": TITLE}], **extra}
        assert (await service.http.post("/v1/chat/completions", json=body)).status_code == status


@pytest.mark.parametrize("stream", [False, True])
async def test_responses_answer_them_without_a_session_as_well(
    service: Service, model: ScriptedChat, stream: bool
) -> None:
    model.replies = ['{"title": "Moon"}']
    body = {"model": "react", "input": TITLE, "instructions": "Be brief.", "stream": stream}
    answer = await service.http.post("/v1/responses", json=body)
    assert answer.status_code == 200, answer.text
    assert '{\\"title\\": \\"Moon\\"}' in answer.text
    assert "x-session-id" not in answer.headers
    assert model.asked[0][0].text == "Be brief."
    assert (await get(service, "/api/conversations"))["sessions"] == []
    for table in ("checkpoints", "responses", "turns"):
        assert rows(service, f"SELECT count(*) FROM {table}") == [(0,)]


async def test_a_front_ends_own_request_in_two_messages_or_from_its_system_prompt(
    service: Service, model: ScriptedChat
) -> None:
    system = "You are a title generator. You reply ONLY with a title to find this conversation by."
    model.replies, model.repeat = ["Moon"], True
    two = [{"role": "user", "content": "Generate a title for this conversation:"}, {"role": "user", "content": "Moon?"}]
    body = {"model": "react", "messages": [{"role": "system", "content": system}, *two]}
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert answer.json()["x_session_id"] is None
    body = {"model": "react", "input": "Moon?", "instructions": system}
    response = (await service.http.post("/v1/responses", json=body)).json()
    assert response["output"][0]["content"][0]["text"] == "Moon"
    assert (response["conversation"], response["x_session_id"]) == (None, None)
    assert (await get(service, "/api/conversations"))["sessions"] == []
