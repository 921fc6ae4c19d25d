"""A thread that is still working when its caller is cancelled."""

import asyncio
import threading
from collections.abc import Callable
from typing import IO, Any

import pytest


class Slow:
    """Opens a file when allowed."""

    def __init__(self, opening: Callable[[], IO[bytes]]) -> None:
        self._opening = opening
        self._asked, self._may, self.opened = threading.Event(), threading.Event(), list[IO[bytes]]()

    def __call__(self) -> IO[bytes]:
        self._asked.set()
        self._may.wait()
        self.opened.append(self._opening())
        return self.opened[0]

    async def abandoned_by(self, waiting: asyncio.Task[Any], *, late: bool = False) -> None:
        """Cancel `waiting` while the thread is working (`late`: done, but not reported yet), and see it through.

        Afterwards the loop has no threads: the test needs its own loop.
        """
        await asyncio.to_thread(self._asked.wait)
        if late:
            self._may.set()
            while not self.opened:
                pass
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        self._may.set()
        await asyncio.get_running_loop().shutdown_default_executor()
