"""How many kernels may live at once: per user, in all, and as memory allows. Idle ones make room first."""

import asyncio
import logging
import time
from collections.abc import Iterable

import psutil

from workspace.kernel import Kernel
from workspace.settings import WorkspaceSettings

log = logging.getLogger(__name__)


class Rooms:
    """Admits kernels. A kernel keeps its room while its process runs; `sweep` empties those idle too long."""

    def __init__(self, settings: WorkspaceSettings) -> None:
        self._settings = settings
        self._kernels: dict[Kernel, str] = {}
        self._starting: set[Kernel] = set()
        self._changed = asyncio.Condition()

    def add(self, kernel: Kernel, owner: str) -> None:
        """Know a kernel, running or not."""
        self._kernels[kernel] = owner

    def remove(self, kernel: Kernel) -> None:
        self._kernels.pop(kernel, None)
        self._starting.discard(kernel)

    async def admit(self, kernel: Kernel) -> None:
        """Return when `kernel` may start: at once, after idle ones have ended, or when others are done.

        First come, first served, as far as the user's own share allows.
        """
        owner = self._kernels[kernel]
        async with self._changed:
            while not await self._room_for(owner):
                try:
                    async with asyncio.timeout(self._settings.sweep_seconds):
                        await self._changed.wait()
                except TimeoutError:
                    continue  # a kernel may have become idle without a word
            self._starting.add(kernel)

    def settle(self, kernel: Kernel) -> None:
        """An admitted kernel runs now, or could not be started."""
        self._starting.discard(kernel)

    async def left(self) -> None:
        """A kernel has ended or become idle: those that wait look again."""
        async with self._changed:
            self._changed.notify_all()

    async def sweep(self) -> None:
        """For ever: end kernels that are idle too long, and, while memory is short, the longest idle one."""
        while True:
            await asyncio.sleep(self._settings.sweep_seconds)
            oldest_first = self._idle(self._kernels)
            for kernel in oldest_first:
                if time.monotonic() - kernel.used_at > self._settings.idle_seconds:
                    await kernel.close()
            if oldest_first and psutil.virtual_memory().available < self._settings.reserve_memory:
                log.warning("memory is short: the longest idle Python ends; its variables are kept")
                await oldest_first[0].close()
            await self.left()

    async def _room_for(self, owner: str) -> bool:
        everyone = [k for k in self._kernels if k.running or k in self._starting]
        own = [k for k in everyone if self._kernels[k] == owner]
        if len(own) >= self._settings.max_kernels_per_user:
            return await self._end_oldest(own)
        if len(everyone) >= self._settings.max_kernels:
            return await self._end_oldest(everyone)
        return True

    async def _end_oldest(self, kernels: Iterable[Kernel]) -> bool:
        idle = self._idle(kernels)
        if not idle:
            return False
        await idle[0].close()
        return True

    def _idle(self, kernels: Iterable[Kernel]) -> list[Kernel]:
        return sorted((k for k in kernels if k.running and not k.busy), key=lambda k: k.used_at)
