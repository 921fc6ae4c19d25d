"""Threads and places shared among users."""

import asyncio
import threading
import time
from concurrent.futures import CancelledError
from contextvars import copy_context

import pytest

from workspace.fair_share import SERVICE, TENANT, FairExecutor, FairPlaces, FairQueue


def submit_as(tenant: str, pool: FairExecutor, call, *arguments):  # type: ignore[no-untyped-def]
    context = copy_context()
    context.run(TENANT.set, tenant)
    return context.run(pool.submit, call, *arguments)


def test_the_queue_serves_whoever_has_least() -> None:
    queue = FairQueue[str]()
    for item in ("a1", "a2", "a3"):
        queue.add("a", item)
    queue.add("b", "b1")
    assert [queue.take() for _ in range(3)] == [("a", "a1"), ("b", "b1"), ("a", "a2")]
    queue.add("b", "b2")
    queue.give_back("b")
    assert queue.take() == ("b", "b2"), "a has two"
    queue.add("a", "a0", first=True)
    assert queue.take() == ("a", "a0")
    assert queue.clear() == ["a3"]
    assert queue.take() is None
    assert not queue


def test_equal_users_take_turns() -> None:
    queue = FairQueue[int]()
    for number in range(3):
        for tenant in ("a", "b", "c"):
            queue.add(tenant, number)
    served = []
    for _ in range(9):
        taken = queue.take()
        assert taken is not None
        served.append(taken[0])
        queue.give_back(taken[0])
    assert served == ["a", "b", "c"] * 3


def test_one_users_blocked_threads_keep_nobody_else_waiting() -> None:
    released = threading.Event()
    with FairExecutor(8, 2) as pool:
        hanging = [submit_as("mallory", pool, released.wait) for _ in range(100)]
        began = time.monotonic()
        answers = [submit_as(f"user{number}", pool, str, number).result(5) for number in range(50)]
        assert time.monotonic() - began < 1
        assert answers == [str(number) for number in range(50)]
        assert sum(future.running() for future in hanging) == 2
        assert submit_as("mallory", pool, str, 1).running() is False
        released.set()
        assert all(future.result(5) for future in hanging)


def test_the_services_own_work_has_no_limit_but_the_pools() -> None:
    meeting = threading.Barrier(4)
    with FairExecutor(4, 1) as pool:
        assert sorted(future.result(5) for future in [submit_as(SERVICE, pool, meeting.wait) for _ in range(4)]) == [
            0,
            1,
            2,
            3,
        ]


def test_errors_and_cancelled_work() -> None:
    released, started = threading.Event(), threading.Event()

    def hang() -> None:
        started.set()
        released.wait()

    with FairExecutor(2, 1) as pool:
        submit_as("a", pool, hang)
        assert started.wait(5)
        cancelled, failing = submit_as("a", pool, str), submit_as("a", pool, int, "x")
        assert cancelled.cancel()
        released.set()
        with pytest.raises(ValueError, match="invalid literal"):
            failing.result(5)
        with pytest.raises(CancelledError):
            cancelled.result(5)


def test_a_closed_pool_takes_nothing_and_ends_what_waits() -> None:
    released, started = threading.Event(), threading.Event()
    pool = FairExecutor(1, 1)

    def hang() -> None:
        started.set()
        released.wait()

    pool.submit(hang)
    assert started.wait(5)
    waiting = pool.submit(str)
    pool.shutdown(wait=False, cancel_futures=True)
    assert waiting.cancelled()
    with pytest.raises(RuntimeError):
        pool.submit(str)
    released.set()


async def test_as_an_event_loops_default_executor() -> None:
    """What `asyncio.to_thread` runs is charged to the user of its task."""
    pool, released = FairExecutor(4, 1), threading.Event()

    async def as_user(name: str, hangs: bool) -> str:
        TENANT.set(name)
        call = released.wait if hangs else threading.current_thread
        await asyncio.get_running_loop().run_in_executor(pool, call)
        return name

    hanging = [asyncio.create_task(as_user("mallory", hangs=True)) for _ in range(20)]
    async with asyncio.timeout(5):
        assert await asyncio.gather(*(as_user("alice", hangs=False) for _ in range(20))) == ["alice"] * 20
    released.set()
    await asyncio.gather(*hanging)
    pool.shutdown()


async def test_a_user_without_a_place_gets_one_at_once() -> None:
    places, leave = FairPlaces(2), asyncio.Event()
    inside: list[str] = []

    async def stay(name: str) -> None:
        TENANT.set(name)
        async with places.place():
            inside.append(name)
            await leave.wait()

    greedy = [asyncio.create_task(stay("mallory")) for _ in range(5)]
    await settle()
    assert inside == ["mallory"] * 2, "all places while nobody else wants one"
    others = [asyncio.create_task(stay(name)) for name in ("alice", "bob", "carol")]
    await settle()
    assert inside[2:] == ["alice", "bob"], "twice as many places at most"
    greedy[3].cancel()
    leave.set()
    done = await asyncio.gather(*greedy, *others, return_exceptions=True)
    assert sum(isinstance(one, asyncio.CancelledError) for one in done) == 1
    assert sorted(inside) == ["alice", "bob", "carol", *["mallory"] * 4]
    async with asyncio.timeout(1), places.place(), places.place():
        pass  # every place was given back


async def test_a_cancelled_caller_leaves_its_place() -> None:
    places, entered = FairPlaces(1), asyncio.Event()

    async def stay() -> None:
        async with places.place():
            entered.set()
            await asyncio.Event().wait()

    inside = asyncio.create_task(stay())
    await entered.wait()
    waiting = asyncio.create_task(stay())
    await settle()
    for task in (waiting, inside):
        task.cancel()
    await asyncio.gather(inside, waiting, return_exceptions=True)
    async with asyncio.timeout(1), places.place():
        pass


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)
