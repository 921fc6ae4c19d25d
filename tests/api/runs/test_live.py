"""Streams that are left and resumed, and runs that continue without their client."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from api.runs.event_log import EventLog, EventsDroppedError
from api.runs.live import KEEP_SECONDS
from llm.errors import ModelError
from llm.scripted import ScriptedChat
from nodes.events import AnswerDelta
from tests.api.client import ask, get, give_away, rows
from tests.serving import Service, python_step, running, until

pytestmark = pytest.mark.one_service

Start = Callable[..., AbstractAsyncContextManager[Service]]
HI = [{"role": "user", "content": "hi"}]
Frame = tuple[str, dict[str, Any]]


def parsed(text: str) -> list[Frame]:
    """ID and data of each frame; the end has no ID."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            data = {"done": True} if fields["data"] == "[DONE]" else json.loads(fields["data"])
            found.append((fields.get("id", ""), data))
    return found


def text_of(frames: list[Frame]) -> str:
    choices = [choice for _, data in frames for choice in data.get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


async def left_after(service: Service, frames: int, **fields: Any) -> tuple[str, list[Frame]]:
    """Start a stream and leave it after this many frames; returns the session, and what was read."""
    body = {"messages": HI, "stream": True, **fields}
    text = ""
    async with service.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        async for piece in answer.aiter_text():
            text += piece
            if text.count("\n\n") >= frames:
                break
    whole = text.split("\n\n")[:frames]
    return answer.headers["x-session-id"], parsed("\n\n".join(whole))


async def resumed(service: Service, session: str, last_id: str | None = None) -> list[Frame]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    answer = await service.http.get(f"/api/conversations/{session}/stream", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return parsed(answer.text)


async def test_every_frame_has_an_id_of_its_own(service: Service, model: ScriptedChat) -> None:
    model.replies = [python_step("print(1)"), "Final Answer: done"]
    body = {"messages": HI, "stream": True, "stream_options": {"include_usage": True}, "agent_type": "react"}
    frames = parsed((await service.http.post("/v1/chat/completions", json=body)).text)
    ids = [identity for identity, _ in frames[:-1]]
    assert len(set(ids)) == len(ids)
    assert {identity.split(":")[0] for identity in ids} == {frames[0][1]["id"]}
    numbers = [int(identity.split(":")[1]) for identity in ids]
    assert numbers == sorted(numbers)
    assert frames[-1] == ("", {"done": True})


async def test_a_background_run_is_left_and_taken_up_where_it_was(service: Service, model: ScriptedChat) -> None:
    model.replies, model.gate = ["word " * 20], asyncio.Semaphore(5)
    session, before = await left_after(service, 4, background=True, stream_options={"include_usage": True})
    await until(lambda: len(model.asked) == 1)
    assert (await get(service, f"/api/conversations/{session}/run"))["status"] == "in_progress"
    following = asyncio.create_task(resumed(service, session, before[-1][0]))
    await asyncio.sleep(0)
    for _ in range(100):
        model.gate.release()
    after = await following
    assert model.finished == 1
    assert text_of([*before, *after]).strip() == ("word " * 20).strip()
    assert [identity for identity, _ in [*before, *after]] == [
        identity for identity, _ in await resumed(service, session)
    ]
    # A client that lacks only the end gets the end; one that has everything gets nothing more.
    last = [identity for identity, _ in after if identity]
    assert [data.get("usage") is not None for _, data in await resumed(service, session, last[-2])] == [True, False]
    assert await resumed(service, session, last[-1]) == [("", {"done": True})]


async def test_a_background_run_without_a_stream(service: Service, model: ScriptedChat) -> None:
    model.replies, model.gate = ["hello"], asyncio.Semaphore(0)
    answer = await service.http.post("/v1/chat/completions", json={"messages": HI, "background": True})
    begun = answer.json()
    assert (answer.status_code, begun["status"], begun["result"]) == (202, "in_progress", None)
    path = f"/api/conversations/{begun['session_id']}/run"
    model.gate.release()
    model.gate.release()
    model.gate.release()
    assert text_of(await resumed(service, begun["session_id"])) == "hello"
    done = await get(service, path)
    assert done["status"] == "completed"
    assert done["result"]["id"] == done["id"] == begun["id"]
    assert done["result"]["choices"][0]["message"]["content"] == "hello"
    assert done["error"] is None


async def test_runs_that_fail_or_are_cancelled_say_so(service: Service, model: ScriptedChat) -> None:
    model.replies = [ModelError("The model has run away.")]
    session = (await service.http.post("/v1/chat/completions", json={"messages": HI, "background": True})).json()
    path = f"/api/conversations/{session['session_id']}"
    await resumed(service, session["session_id"])
    failed = await get(service, f"{path}/run")
    assert (failed["status"], failed["error"]["message"]) == ("failed", "The model has run away.")
    model.replies, model.asked, model.gate = ["word " * 20], [], asyncio.Semaphore(3)
    body = {"messages": HI, "background": True, "session_id": session["session_id"]}
    await service.http.post("/v1/chat/completions", json=body)
    await until(model.gate.locked)
    await service.http.post(f"{path}/cancel")
    cancelled = await get(service, f"{path}/run")
    assert (cancelled["status"], cancelled["error"]["code"]) == ("cancelled", "run_cancelled")
    frames = await resumed(service, session["session_id"])
    assert frames[-2][1]["error"]["code"] == "run_cancelled"


async def test_a_second_reader_does_not_disturb_the_first(service: Service, model: ScriptedChat) -> None:
    model.replies, model.gate = ["word " * 20], asyncio.Semaphore(3)
    body = {"messages": HI, "stream": True}
    first = asyncio.create_task(service.http.post("/v1/chat/completions", json=body))
    await until(model.gate.locked)
    session = rows(service, "SELECT id FROM sessions")[0][0]
    async with service.http.stream("GET", f"/api/conversations/{session}/stream") as second:
        await anext(second.aiter_bytes())
    for _ in range(100):
        model.gate.release()
    assert text_of(parsed((await first).text)).strip() == ("word " * 20).strip()


async def test_places_that_are_no_places(service: Service, model: ScriptedChat) -> None:
    model.replies = ["hello", "again"]
    session = (await ask(service, "hi"))["x_session_id"]
    path = f"/api/conversations/{session}/stream"
    old = (await resumed(service, session))[0][0]
    beyond = [f"{old.partition(':')[0]}:{number}" for number in (-1, 99, 999_999_999, 9_999_999_999)]
    for wrong in ("x", "chatcmpl-1:x", f"{old}²", ":" * 50, *beyond):
        answer = await service.http.get(path, headers={b"Last-Event-ID": wrong.encode()})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_event_id"), wrong
    await ask(service, "again", session_id=session)
    answer = await service.http.get(path, headers={"Last-Event-ID": old})
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "stream_gone")
    await give_away(service, session)
    for route in ("stream", "run"):
        await get(service, f"/api/conversations/{session}/{route}", 404)


async def test_a_place_ahead_of_a_run_is_none(service: Service, model: ScriptedChat) -> None:
    """Regression: a client that named one waited for the end, and did not get it."""
    model.replies, model.gate = ["word " * 20], asyncio.Semaphore(3)
    session, before = await left_after(service, 4, background=True)
    path = f"/api/conversations/{session}/stream"
    answer = await service.http.get(path, headers={"Last-Event-ID": f"{before[0][1]['id']}:50"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_event_id")
    for _ in range(100):
        model.gate.release()
    assert (await resumed(service, session))[-1] == ("", {"done": True})


async def test_an_ended_run_is_kept_for_some_minutes(start: Start, model: ScriptedChat) -> None:
    model.replies = ["hello"]
    async with start() as service:
        session = (await ask(service, "hi"))["x_session_id"]
        streams = service.server.config.app.state.services.live  # type: ignore[union-attr]
        await resumed(service, session)
        now = streams._clock()
        streams._clock = lambda: now + KEEP_SECONDS + 1
        await get(service, f"/api/conversations/{session}/stream", 404)
        # The database keeps what it has.
        assert (await get(service, f"/api/conversations/{session}/run"))["status"] == "completed"


async def test_another_process_tells_the_status(start: Start, model: ScriptedChat) -> None:
    model.replies, model.gate = ["word " * 20], asyncio.Semaphore(3)
    async with start() as one, running(one.settings, model) as other:
        begun = (await one.http.post("/v1/chat/completions", json={"messages": HI, "background": True})).json()
        await until(model.gate.locked)
        path = f"/api/conversations/{begun['session_id']}/run"
        assert (await get(other, path))["status"] == "in_progress"
        await other.http.post(f"/api/conversations/{begun['session_id']}/cancel")
        assert (await get(other, path))["status"] == "incomplete"
        assert (await get(one, path))["status"] == "cancelled"


async def test_a_log_drops_its_oldest_events_and_says_so() -> None:
    log = EventLog(max_items=3)
    slow = log.reader()
    for number in range(5):
        log.append(AnswerDelta(str(number)))
    assert [log.keeps(number) for number in range(1, 8)] == [False, False, True, True, True, True, False]
    with pytest.raises(EventsDroppedError):
        await slow.next()
    late = log.reader(after=2)
    assert await late.next() == [AnswerDelta(str(number)) for number in (2, 3, 4)]
    waiting = asyncio.create_task(late.next())
    await asyncio.sleep(0)
    log.close()
    assert await waiting == ()


async def test_one_users_ended_runs_push_out_nobody_elses(
    start: Start, model: ScriptedChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.runs.live.MAX_CHARACTERS", 1000)
    model.replies = ["word " * 60] * 6
    async with start(auth_required="true") as service:

        async def log_in(name: str) -> dict[str, str]:
            account = {"username": name, "password": "correct horse battery"}
            await service.http.post("/api/auth/register", json=account)
            token = (await service.http.post("/api/auth/login", json=account)).json()["access_token"]
            return {"Authorization": f"Bearer {token}"}

        async def chat(headers: dict[str, str]) -> str:
            body = {"agent_type": "chat", "messages": HI, "stream": True}
            answer = await service.http.post("/v1/chat/completions", json=body, headers=headers)
            return answer.headers["x-session-id"]

        async def is_kept(session: str, headers: dict[str, str]) -> bool:
            answer = await service.http.get(f"/api/conversations/{session}/stream", headers=headers)
            return answer.status_code == 200

        alice, mallory = await log_in("alice"), await log_in("mallory")
        hers = await chat(alice)
        his = [await chat(mallory) for _ in range(5)]
        assert await is_kept(hers, alice)
        assert [await is_kept(session, mallory) for session in his] == [False, False, False, True, True]
