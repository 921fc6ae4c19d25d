"""Disk space for deletions: even they need some, and without it a full disk would stay full."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

RESERVE_BYTES = 16 << 20
ROOM_BYTES = 1 << 20
"""What must stay free for others."""


class DiskReserve:
    """A file without content. It is deleted while something is deleted from a full disk, and created again once there
    is room.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._borrowers = 0

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """The block may use the space if the disk is full."""
        self._borrowers += 1
        try:
            await asyncio.to_thread(self._lend)
            yield
        finally:
            self._borrowers -= 1
            if not self._borrowers:
                await asyncio.to_thread(self.fill)

    def _lend(self) -> None:
        if shutil.disk_usage(self._path.parent).free < RESERVE_BYTES:
            self._path.unlink(missing_ok=True)

    def fill(self) -> None:
        """Create the file, if there is room for it."""
        if self._path.exists() or shutil.disk_usage(self._path.parent).free < RESERVE_BYTES + ROOM_BYTES:
            return
        with suppress(FileExistsError), self._path.open("xb", 0) as file:  # another process was faster
            try:
                if sys.platform == "linux":
                    os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
                else:
                    file.write(bytes(RESERVE_BYTES))
            except OSError:  # others have filled the disk
                self._path.unlink(missing_ok=True)


async def filled_reserve(path: Path) -> DiskReserve:
    """The reserve, with its file if there is room for it."""
    reserve = DiskReserve(path)
    await asyncio.to_thread(reserve.fill)
    return reserve
