"""One run at a time per session, over two processes on one database, and everything that ends a run."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from checkpoints.leases import Leases
from checkpoints.turns import Turns
from llm.scripted import ScriptedChat
from tests.api.client import ask, change, give_away, rows
from tests.serving import Service, python_step, running, until

Start = Callable[..., AbstractAsyncContextManager[Service]]
HI = [{"role": "user", "content": "hi"}]
SOON = 0.5
"""Seconds in which a run must end; the best of three attempts counts, because the machine may be busy."""


def post(service: Service, policy: str = "", **fields: Any) -> "asyncio.Task[httpx.Response]":
    headers = {"X-Run-Policy": policy} if policy else {}
    body = {"messages": HI, **fields}
    return asyncio.create_task(service.http.post("/v1/chat/completions", json=body, headers=headers))


def text(answer: httpx.Response) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


@asynccontextmanager
async def two(start: Start, model: ScriptedChat) -> AsyncIterator[tuple[Service, Service]]:
    """Two services on one data folder, like two processes: they share only the disk."""
    async with start() as one, running(one.settings, model) as other:
        yield one, other


async def held(service: Service, model: ScriptedChat, *replies: str) -> tuple[str, "asyncio.Task[httpx.Response]"]:
    """A session that is answering, at a gate that is still closed."""
    model.replies = ["hello", "word " * 100, *replies]
    session = (await ask(service, "hello"))["x_session_id"]
    model.gate = asyncio.Semaphore(0)
    request = post(service, session_id=session)
    await until(lambda: len(model.asked) == 2)
    return session, request


async def open_gate(model: ScriptedChat) -> None:
    assert model.gate is not None
    gate, model.gate = model.gate, None
    for _ in range(1000):
        gate.release()


async def test_another_process_respects_the_lease(start: Start, model: ScriptedChat) -> None:
    async with two(start, model) as (one, other):
        session, request = await held(one, model)
        refused = await post(other, session_id=session)
        assert refused.status_code == 409
        assert refused.json()["error"]["code"] == "session_busy"
        assert refused.headers["retry-after"] == "1"
        await open_gate(model)
        assert (await request).status_code == 200


async def test_one_of_many_that_come_at_once_wins(start: Start, model: ScriptedChat) -> None:
    async with two(start, model) as (one, other):
        model.replies, model.repeat = ["hello"], True
        session = (await ask(one, "hello"))["x_session_id"]
        model.gate = asyncio.Semaphore(0)
        requests = [post(service, session_id=session) for service in (one, other) * 2]
        done, _ = await asyncio.wait(requests, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 3:
            more, _ = await asyncio.wait(set(requests) - done, timeout=10, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        assert {request.result().status_code for request in done} == {409}
        await open_gate(model)
        assert sorted([(await request).status_code for request in requests]) == [200, 409, 409, 409]


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_enqueued_messages_are_answered_in_turn(start: Start, model: ScriptedChat, *, elsewhere: bool) -> None:
    async with two(start, model) as (one, other):
        session, first = await held(one, model, "second", "third")
        service = other if elsewhere else one
        second = post(service, "enqueue", session_id=session)
        await until(lambda: session in service.server._locks._busy.waiting)
        assert not second.done()
        await open_gate(model)
        assert (await first).status_code == 200
        assert text(await second) == "second"
        assert [len(asked) for asked in model.asked] == [2, 4, 6]


async def test_the_queue_is_first_come_first_served(service: Service, model: ScriptedChat) -> None:
    session, first = await held(service, model, "a", "b", "c")
    waiting = []
    for letter in "abc":
        message = [{"role": "user", "content": letter}]
        waiting.append(post(service, "enqueue", session_id=session, messages=message))
        await until(lambda: len(service.server._locks._busy.waiting.get(session, ())) == len(waiting))
    await open_gate(model)
    assert (await first).status_code == 200
    assert [text(await request) for request in waiting] == ["a", "b", "c"]
    assert service.server._locks._busy.waiting == {}


async def test_a_queue_that_does_not_move_answers_409(start: Start, model: ScriptedChat) -> None:
    async with start(run_queue_seconds=0.1, run_policy="enqueue") as service:
        session, request = await held(service, model)
        assert (await post(service, session_id=session)).status_code == 409
        await open_gate(model)
        assert (await request).status_code == 200


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_an_interrupt_ends_what_runs(start: Start, model: ScriptedChat, *, elsewhere: bool) -> None:
    async with two(start, model) as (one, other):
        session, first = await held(one, model, "instead")
        second = post(other if elsewhere else one, "interrupt", session_id=session)
        ended = await first
        assert ended.status_code == 409
        assert ended.json()["error"]["code"] == "run_interrupted"
        assert ended.headers["x-should-retry"] == "false"
        await until(lambda: len(model.asked) == 3)
        await open_gate(model)
        assert text(await second) == "instead"
        assert model.finished == 2
        assert [m.text for m in model.asked[2][1:]] == ["hello", "hello", "hi", "hi"]


async def test_the_policy_stands_in_the_openapi_document(service: Service) -> None:
    paths = (await service.http.get("/openapi.json")).json()["paths"]
    for path in ("/v1/chat/completions", "/api/chat/completions", "/v1/responses"):
        header = next(p for p in paths[path]["post"]["parameters"] if p["name"] == "X-Run-Policy")
        assert header["schema"]["enum"] == ["reject", "enqueue", "interrupt"]


async def test_an_unknown_policy_is_refused(service: Service) -> None:
    answer = await post(service, "whatever")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "X-Run-Policy")


async def test_the_lease_of_a_dead_process_expires(start: Start, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["hello"], True
    async with start() as service:
        session = (await ask(service, "hello"))["x_session_id"]
        later = time.time() + 1
        await change(service, "UPDATE leases SET process = 'dead', expires = ? WHERE session = ?", later, session)
        assert (await post(service, session_id=session)).status_code == 409
        assert (await post(service, "enqueue", session_id=session)).status_code == 200
        assert time.time() > later


async def test_leases_are_renewed_while_a_run_lasts(start: Start, model: ScriptedChat) -> None:
    async with start(run_lease_seconds=1) as service:
        session, request = await held(service, model)
        first = rows(service, "SELECT expires FROM leases WHERE session = ?", session)
        await until(lambda: rows(service, "SELECT expires FROM leases WHERE session = ?", session) > first)
        await open_gate(model)
        assert (await request).status_code == 200
        assert rows(service, "SELECT expires FROM leases WHERE session = ?", session) == [(0,)]


async def test_a_run_whose_lease_was_taken_over_ends(start: Start, model: ScriptedChat) -> None:
    async with start(run_lease_seconds=1) as service:
        session, request = await held(service, model)
        await change(service, "UPDATE leases SET process = 'another', hold = 'another' WHERE session = ?", session)
        answer = await request
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "session_lost")
        assert rows(service, "SELECT hold FROM leases WHERE session = ?", session) == [("another",)]


async def test_variables_follow_a_session_to_another_process(start: Start, model: ScriptedChat) -> None:
    async with two(start, model) as (one, other):
        model.replies = [
            *(python_step("x = 1; print(x)"), "Final Answer: 1", python_step("x += 1; print(x)"), "Final Answer: 2"),
            *(python_step("x += 1; print(x)"), "Final Answer: 3"),
        ]
        session = (await ask(one, "one", agent_type="react"))["x_session_id"]
        for service, seen in ((other, "2"), (one, "3")):
            await until(lambda: bool(list((one.settings.data_dir / "snapshots").rglob("*"))))
            answer = await ask(service, "more", agent_type="react", session_id=session)
            assert answer["x_agent_metadata"]["steps"][0]["observation"] == seen


# how runs end


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("stream", [False, True])
async def test_cancel_ends_the_answer(start: Start, model: ScriptedChat, *, stream: bool, elsewhere: bool) -> None:
    async with two(start, model) as (one, other):
        service, seconds = other if elsewhere else one, []
        for _ in range(3):
            model.replies, model.asked, model.gate = ["word " * 100, "back again"], [], asyncio.Semaphore(5)
            request = post(one, stream=stream)
            await until(model.gate.locked)
            session = rows(one, "SELECT id FROM sessions ORDER BY created DESC")[0][0]
            began = time.monotonic()
            cancelled = await service.http.post(f"/api/conversations/{session}/cancel")
            assert cancelled.json() == {"session_id": session, "cancelled": True}
            answer = await request
            seconds.append(time.monotonic() - began)
            if stream:
                frames = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
                error = frames[-1]["error"]
                assert "word" in "".join(f["choices"][0]["delta"].get("content", "") for f in frames[:-1])
            else:
                error = answer.json()["error"]
                assert (answer.status_code, answer.headers["x-should-retry"]) == (409, "false")
            assert error["code"] == "run_cancelled"
            assert model.finished == 0
            model.gate = None
            assert text(await post(service, session_id=session)) == "back again"
            model.finished = 0
        assert min(seconds) < SOON
        assert (await service.http.post(f"/api/conversations/{session}/cancel")).json()["cancelled"] is False


@pytest.mark.parametrize("stream", [False, True])
async def test_cancel_interrupts_the_cell(service: Service, model: ScriptedChat, *, stream: bool) -> None:
    code = "kept = 1\nopen('began', 'w').close()\nimport time\ntime.sleep(60)"
    model.replies = [python_step(code), python_step("print(kept)"), "Final Answer: 1"]
    request = post(service, agent_type="react", stream=stream)
    sessions = service.settings.data_dir / "sessions"
    await until(lambda: bool(list(sessions.glob("*/began"))), 30)
    session = next(sessions.glob("*/began")).parent.name
    await service.http.post(f"/api/chat/sessions/{session}/cancel")
    await request
    again = await post(service, agent_type="react", session_id=session)
    observed = again.json()["x_agent_metadata"]["steps"][0]["observation"]
    assert observed == "1", "a kernel that is killed forgets what the cell had begun with"


async def test_only_the_owner_cancels(service: Service, model: ScriptedChat) -> None:
    session, request = await held(service, model)
    await give_away(service, session)
    assert (await service.http.post(f"/api/conversations/{session}/cancel")).status_code == 404
    await open_gate(model)
    assert (await request).status_code == 200


async def test_a_run_stopped_before_its_first_step_lets_go_of_its_session(
    service: Service, model: ScriptedChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a task cancelled before its start never entered the block that releases the session."""
    original = Leases.take

    async def stopped_at_once(self: Leases, session: str, seconds: float) -> Any:
        lease = await original(self, session, seconds)
        asyncio.get_running_loop().call_soon(lambda: stopping.append(asyncio.create_task(stop(session))))
        return lease

    async def stop(session: str) -> None:
        await until(lambda: session in service.server._locks._active)
        while (lock := service.server._locks._active.get(session)) is not None:
            if lock.run is not None:
                await lock.run.stop()
            await asyncio.sleep(0)

    stopping: list[asyncio.Task[None]] = []
    model.replies = ["hello", "again"]
    with monkeypatch.context() as patched:
        patched.setattr(Leases, "take", stopped_at_once)
        assert (await post(service)).status_code == 503
        await asyncio.gather(*stopping)
    assert service.server._locks._active == {}
    session = rows(service, "SELECT id FROM sessions")[0][0]
    assert (await post(service, session_id=session)).status_code == 200


async def test_a_lease_that_was_taken_while_its_taker_left_is_let_go(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the statement was executed, but the cancelled task never learned this."""
    taken, go_on, original = asyncio.Event(), asyncio.Event(), Leases.take

    async def slowly(self: Leases, session: str, seconds: float) -> Any:
        lease = await original(self, session, seconds)
        taken.set()
        await go_on.wait()
        return lease

    async def hold() -> None:
        async with service.server._locks.acquire("somebody"):
            pass

    monkeypatch.setattr(Leases, "take", slowly)
    holding = asyncio.create_task(hold())
    await taken.wait()
    holding.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert rows(service, "SELECT expires FROM leases") == [(0,)]
    assert service.server._locks._active == {}


async def test_a_turn_that_is_cancelled_as_it_is_noted_is_noted_as_cut(
    service: Service, model: ScriptedChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: its row stayed open forever."""
    noted, go_on, original = asyncio.Event(), asyncio.Event(), Turns.begin

    async def slowly(self: Turns, *given: str) -> int:
        number = await original(self, *given)
        noted.set()
        await go_on.wait()
        return number

    monkeypatch.setattr(Turns, "begin", slowly)
    model.replies = ["hello"]
    request = post(service)
    await noted.wait()
    session = rows(service, "SELECT session FROM turns")[0][0]
    cancelling = asyncio.create_task(service.http.post(f"/api/conversations/{session}/cancel"))
    run = service.server._locks._active[session].run
    assert run is not None
    await until(lambda: run._stopping)
    go_on.set()
    assert (await cancelling).json()["cancelled"] is True
    assert (await request).json()["error"]["code"] == "run_cancelled"
    assert rows(service, "SELECT state FROM turns") == [("cut",)]
