"""Results of threads whose caller has been cancelled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.workspace.slow_thread import Slow
from workspace.safe_open import opened_inside
from workspace.threads import made_in_thread, opened_in_thread
from workspace.upload import store

# Each test has its own loop, which waits for its threads and then has none.
pytestmark = pytest.mark.asyncio(loop_scope="function")


@pytest.mark.parametrize("late", [False, True])
async def test_what_is_opened_for_a_cancelled_caller_is_closed(late: bool, tmp_path: Path) -> None:
    slow = Slow(lambda: (tmp_path / "file").open("wb"))
    await slow.abandoned_by(asyncio.create_task(opened_in_thread(slow)), late=late)
    assert [file.closed for file in slow.opened] == [True]


async def test_it_is_not_undone_for_a_caller_that_gets_it() -> None:
    undone: list[int] = []
    assert await made_in_thread(lambda: 7, undone.append) == 7
    assert undone == []


async def test_what_goes_wrong_in_the_thread_reaches_the_caller(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await opened_inside(tmp_path, "missing")


async def test_an_upload_that_is_cancelled_at_its_start_leaves_no_file(tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"text"

    for turns in range(6):
        storing = asyncio.create_task(store(tmp_path, "a.txt", chunks(), 100, tmp_path))
        for _ in range(turns):
            await asyncio.sleep(0)
        storing.cancel()
        await asyncio.gather(storing, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
    assert _left(tmp_path) == []


def _left(folder: Path) -> list[Path]:
    return list(folder.glob(".*"))
