"""The files of an index: its lock."""

import asyncio
import threading
from pathlib import Path
from typing import IO

import pytest

from workspace.retrieval.store import IndexStore


class SlowDisk(IndexStore):
    """Opens its lock only when it may."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked, self.may, self.opened = threading.Event(), threading.Event(), list[IO[bytes]]()

    def _lock_file(self) -> IO[bytes]:
        self.asked.set()
        self.may.wait()
        self.opened.append(super()._lock_file())
        return self.opened[0]


async def test_regression_a_cancelled_wait_for_the_lock_left_its_file_open(tmp_path: Path) -> None:
    store = SlowDisk(tmp_path / "index")

    async def enter() -> None:
        async with store.locked():
            pass

    waiting = asyncio.create_task(enter())
    await asyncio.to_thread(store.asked.wait)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    store.may.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert [file.closed for file in store.opened] == [True]


async def test_the_lock_is_held_and_given_back(tmp_path: Path) -> None:
    first, second = IndexStore(tmp_path / "index"), IndexStore(tmp_path / "index")
    entered: list[str] = []

    async def enter(store: IndexStore, name: str) -> None:
        async with store.locked():
            entered.append(name)

    async with first.locked():
        other = asyncio.create_task(enter(second, "other"))
        done, _ = await asyncio.wait([other], timeout=0.3)
        assert not done and entered == []
    await asyncio.wait_for(other, 10)
    assert entered == ["other"]
