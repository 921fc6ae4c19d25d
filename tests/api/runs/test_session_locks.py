"""Race conditions of session locks, each of which occurred or could have."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import pytest

from api.errors import ApiError
from checkpoints.leases import Lease, Leases
from llm.scripted import ScriptedChat
from tests.api.client import rows
from tests.api.runs.test_runs import held, open_gate, post, text, two
from tests.serving import Service, until

Start = Callable[..., AbstractAsyncContextManager[Service]]


async def test_security_a_message_that_waits_does_not_bring_a_deleted_session_back(
    start: Start, model: ScriptedChat
) -> None:
    """Regression: another process got the lease after everything was deleted, and wrote to the invisible session."""
    async with two(start, model) as (one, other):
        session, first = await held(one, model, "a ghost")
        second = post(other, "enqueue", session_id=session)
        await until(lambda: session in other.server._locks._busy.waiting)
        assert (await one.http.delete(f"/api/conversations/{session}")).status_code == 200
        model.gate = None
        assert (await first).status_code == 404
        answer = await second
        assert (answer.status_code, answer.json()["error"]["param"]) == (404, "session_id")
        assert len(model.asked) == 2
        for table in ("passages", "turns", "checkpoints"):
            column = "thread_id" if table == "checkpoints" else "session"
            assert rows(one, f"SELECT count(*) FROM {table} WHERE {column} = ?", session) == [(0,)], table
        assert not (one.settings.data_dir / "sessions" / session).exists()


async def test_a_run_that_has_done_its_work_is_not_interrupted(
    service: Service, model: ScriptedChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: its answer was complete and stored, but its client was told that it had been stopped."""
    releasing, go_on, original = asyncio.Event(), asyncio.Event(), Leases.release

    async def slowly(self: Leases, lease: Lease) -> None:
        releasing.set()
        await go_on.wait()
        await original(self, lease)

    session, first = await held(service, model, "next")
    monkeypatch.setattr(Leases, "release", slowly)
    await open_gate(model)
    await releasing.wait()
    second = post(service, "interrupt", session_id=session)
    run = service.server._locks._active[session].run
    assert run is not None
    await until(lambda: session in service.server._locks._busy.waiting)
    go_on.set()
    assert (await first).status_code == 200
    assert text(await second) == "next"


async def test_a_queue_outlives_those_who_do_not_queue(service: Service) -> None:
    """Regression: a caller that left the queue last, without being in it, removed the others' queue."""
    locks, order = service.server._locks, []

    async def wait(name: str, policy: Any, after: asyncio.Event | None = None) -> None:
        async with locks.acquire("session", policy):
            order.append(name)
            if after is not None:
                await after.wait()

    async with AsyncExitStack() as first:
        await first.enter_async_context(locks.acquire("session"))
        done = asyncio.Event()
        interrupting = asyncio.create_task(wait("interrupt", "interrupt", done))
        await until(lambda: "session" in locks._busy.waiting)
        with pytest.raises(ApiError):
            await wait("reject", "reject")
        queueing = asyncio.create_task(wait("enqueue", "enqueue"))
        await until(lambda: bool(locks._busy.waiting.get("session")))
    await until(lambda: order == ["interrupt"])
    assert len(locks._busy.waiting["session"]) == 1
    done.set()
    await asyncio.gather(interrupting, queueing)
    assert (order, locks._busy.waiting) == (["interrupt", "enqueue"], {})


async def test_a_lease_is_let_go_however_often_its_taker_is_cancelled(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the second cancellation left a lease that was being acquired without an owner."""
    taken, go_on, original = asyncio.Event(), asyncio.Event(), Leases.take

    async def slowly(self: Leases, session: str, seconds: float) -> Lease | None:
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
    for _ in range(3):
        holding.cancel()
        await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert rows(service, "SELECT expires FROM leases") == [(0,)]
    assert service.server._locks._active == {}
