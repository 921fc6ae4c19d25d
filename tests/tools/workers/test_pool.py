"""Workers: results, restrictions, and isolation of failures."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from tests.processes import all_end, ended
from tests.serving import until
from tests.tools.workers import jobs_for_tests as jobs
from tools.workers.pool import (
    MAIN,
    WorkerDied,
    WorkerOutOfMemory,
    Workers,
    WorkersUnavailable,
    WorkerTimeout,
)
from tools.workers.settings import WorkerSettings

MIB = 1 << 20


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    made = Workers(WorkerSettings())
    try:
        yield made
    finally:
        await made.aclose()


Servers = Callable[[], list[psutil.Process]]


@pytest.fixture
def servers() -> Servers:
    """The fork servers started by the test; others run for all tests."""
    others = set(psutil.Process().children())

    def new() -> list[psutil.Process]:
        return [c for c in psutil.Process().children() if c not in others and str(MAIN) in c.cmdline()]

    return new


async def test_a_result_comes_back(workers: Workers) -> None:
    assert await workers.run(jobs.double, [1, "a"]) == [1, "a", 1, "a"]
    assert len(await workers.run(jobs.large, 5 * MIB)) == 5 * MIB


async def test_a_declared_error_passes_through(workers: Workers) -> None:
    with pytest.raises(jobs.UnfitError, match="the second page is upside down"):
        await workers.run(jobs.refuse, "the second page is upside down")


async def test_an_undeclared_error_says_nothing_of_the_inside(
    workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(WorkerDied, match=r"^It could not be read\.$"):
        await workers.run(jobs.stumble)
    assert "KeyError: 'nobody declared this' (jobs_for_tests.py:" in caplog.text


async def test_memory_is_limited(workers: Workers) -> None:
    assert await workers.run(jobs.eat, 20 * MIB, memory=64 * MIB) == 20 * MIB
    with pytest.raises(WorkerOutOfMemory):
        await workers.run(jobs.eat, 100 * MIB, memory=64 * MIB)


async def test_time_is_limited(workers: Workers) -> None:
    with pytest.raises(WorkerTimeout, match=r"longer than 0\.2 seconds"):
        await workers.run(jobs.spin, seconds=0.2)
    assert await workers.run(jobs.double, 1) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_a_worker_that_dies_is_told(workers: Workers, number: int) -> None:
    with pytest.raises(WorkerDied):
        await workers.run(jobs.kill_myself, number)
    assert await workers.run(jobs.double, 1) == 2


async def test_too_large_an_answer_is_refused(workers: Workers) -> None:
    with pytest.raises(WorkerDied, match="larger than 64 MB"):
        await workers.run(jobs.large, 65 * MIB)


async def test_an_answer_may_only_hold_data(workers: Workers) -> None:
    """A worker taken over by a file must not be able to make the service run anything."""
    with pytest.raises(WorkerDied):
        await workers.run(jobs.foreign)
    with pytest.raises(WorkerDied):
        await workers.run(jobs.trap)


async def test_a_worker_inherits_no_secrets(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    assert "SECRET_KEY" not in await workers.run(jobs.environment)
    assert await workers.run(jobs.descriptors) == 5  # the standard three, its socket, and the listing itself


async def test_a_worker_reads_what_it_is_given_and_writes_nothing(workers: Workers, tmp_path: Path) -> None:
    mine, other = tmp_path / "mine.txt", tmp_path / "other.txt"
    mine.write_text("mine")
    other.write_text("other")
    assert await workers.run(jobs.read, mine) == "mine"
    with pytest.raises(WorkerDied):
        await workers.run(jobs.read, mine, str(other))
    for path in (mine, tmp_path / "new"):
        with pytest.raises(WorkerDied):
            await workers.run(jobs.write, path)
    assert mine.read_text() == "mine"


async def test_a_worker_has_no_network(workers: Workers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(WorkerDied):
        await workers.run(jobs.call_home, listening.getsockname()[1])


async def test_cancelling_the_caller_kills_the_worker(servers: Servers, workers: Workers) -> None:
    await workers.run(jobs.double, 1)
    (server,) = servers()
    waiting = asyncio.create_task(workers.run(jobs.sleep))
    await until(lambda: len(server.children()) == 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: not server.children())


async def test_what_a_worker_starts_ends_with_it(workers: Workers) -> None:
    child = psutil.Process(await workers.run(jobs.leave_a_child))
    await all_end([child])


async def test_only_so_many_run_at_once(servers: Servers, workers: Workers) -> None:
    await workers.run(jobs.double, 1)
    (server,) = servers()
    most = 0
    waiting = [asyncio.create_task(workers.run(jobs.double, at)) for at in range(20)]
    while not all(task.done() for task in waiting):
        most = max(most, len(server.children()))
        await asyncio.sleep(0)
    assert sorted(task.result() for task in waiting) == list(range(0, 40, 2))
    assert 1 <= most <= 2


async def test_a_dead_fork_server_is_replaced(servers: Servers, workers: Workers) -> None:
    await workers.run(jobs.double, 1)
    (killed,) = servers()
    waiting = asyncio.create_task(workers.run(jobs.sleep))
    await until(lambda: len(killed.children()) == 1)
    orphan = killed.children()[0]
    os.kill(killed.pid, signal.SIGKILL)
    with pytest.raises(WorkerDied):
        await waiting
    await all_end([orphan])
    assert await workers.run(jobs.double, 4) == 8
    assert [server.pid for server in servers()] != [killed.pid]


async def test_nothing_is_left_behind(servers: Servers) -> None:
    workers = Workers(WorkerSettings())
    await workers.run(jobs.double, 1)
    (process,) = servers()
    waiting = asyncio.create_task(workers.run(jobs.sleep))
    await until(lambda: len(process.children()) == 1)
    (child,) = process.children()
    await workers.aclose()
    with pytest.raises(WorkerDied):
        await waiting
    assert ended(process)
    await all_end([child])


async def test_closing_while_it_boots_leaves_nothing(servers: Servers) -> None:
    workers = Workers(WorkerSettings(), preload=("pandas",))
    workers.boot()
    await until(lambda: len(servers()) == 1)
    await workers.aclose()
    assert servers() == []


async def test_a_module_that_is_missing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    workers = Workers(WorkerSettings(), preload=("there_is_no_such_module",))
    with pytest.raises(WorkersUnavailable):
        await workers.run(jobs.double, 1)
    await workers.aclose()
    assert "No module named 'there_is_no_such_module'" in caplog.text
