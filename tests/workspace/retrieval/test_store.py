"""The files of an index: its lock."""

import asyncio
from pathlib import Path
from typing import IO

import pytest

from tests.workspace.slow_thread import Slow
from workspace.retrieval.store import IndexStore


class SlowDisk(IndexStore):
    """Opens its lock only when allowed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, folder)
        self.slow = Slow(super()._lock_file)

    def _lock_file(self) -> IO[bytes]:
        return self.slow()


@pytest.mark.asyncio(loop_scope="function")
async def test_regression_a_cancelled_wait_for_the_lock_left_its_file_open(tmp_path: Path) -> None:
    store = SlowDisk(tmp_path / "index")

    async def enter() -> None:
        async with store.locked():
            pass

    await store.slow.abandoned_by(asyncio.create_task(enter()))
    assert [file.closed for file in store.slow.opened] == [True]


async def test_the_lock_is_held_and_given_back(tmp_path: Path) -> None:
    first, second = (IndexStore(tmp_path / "index", tmp_path) for _ in range(2))
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
