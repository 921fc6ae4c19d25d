"""Limits the number of kernels: per user, in total, and by free memory. Idle kernels are stopped first."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable

import psutil

from workspace.kernel import Kernel
from workspace.settings import WorkspaceSettings

log = logging.getLogger(__name__)


class Rooms:
    """Admits kernels. A kernel counts while its process runs; `sweep` stops those that are idle for too long."""

    def __init__(self, settings: WorkspaceSettings) -> None:
        self._settings = settings
        self._kernels: dict[Kernel, str] = {}
        self._starting: set[Kernel] = set()
        self._closing: set[Kernel] = set()
        self._changed = asyncio.Condition()

    def add(self, kernel: Kernel, owner: str) -> None:
        """Register a kernel, running or not."""
        self._kernels[kernel] = owner

    def remove(self, kernel: Kernel) -> None:
        self._kernels.pop(kernel, None)
        self._starting.discard(kernel)

    def owners(self) -> set[str]:
        """The owners of running kernels."""
        return {owner for kernel, owner in self._kernels.items() if kernel.running}

    def running(self, owner: str) -> list[Kernel]:
        """The owner's running kernels."""
        return [kernel for kernel, other in self._kernels.items() if other == owner and kernel.running]

    async def admit(self, kernel: Kernel) -> None:
        """Return when `kernel` may start: at once, after idle ones were stopped, or when others are done.

        In order of arrival, as far as the user's own limit allows.
        """
        while not await self._enter(kernel):
            # Closing waits for a snapshot, so the lock is not held here.
            if (victim := self._oldest(self._rivals(self._kernels[kernel]))) is not None:
                await self._close(victim)
                continue
            async with self._changed:
                # A kernel may become idle without notification, so this wait has a time limit.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.sweep_seconds):
                        await self._changed.wait()

    async def _enter(self, kernel: Kernel) -> bool:
        async with self._changed:
            if self._rivals(self._kernels[kernel]):
                return False
            self._starting.add(kernel)
            return True

    def settle(self, kernel: Kernel) -> None:
        """An admitted kernel is running, or could not be started."""
        self._starting.discard(kernel)

    async def left(self) -> None:
        """A kernel has ended or become idle: wake up those that wait."""
        async with self._changed:
            self._changed.notify_all()

    async def sweep(self) -> None:
        """Runs forever: stops kernels that are idle for too long and, while memory is short, the longest idle one."""
        while True:
            await asyncio.sleep(self._settings.sweep_seconds)
            await asyncio.gather(*(self._close(kernel) for kernel in self._unused()))
            short = psutil.virtual_memory().available < self._settings.reserve_memory
            if short and (oldest := self._oldest(self._kernels)) is not None:
                log.warning("memory is low: stopping the longest idle kernel; its variables are kept")
                await self._close(oldest)
            await self.left()

    def _unused(self) -> list[Kernel]:
        now = time.monotonic()
        return [k for k in self._kernels if now - k.used_at > self._settings.idle_seconds and self._oldest([k])]

    def _rivals(self, owner: str) -> list[Kernel]:
        """The kernels of which one must end before another of `owner` may start; empty if none must."""
        everyone = [k for k in self._kernels if k.running or k in self._starting]
        own = [k for k in everyone if self._kernels[k] == owner]
        if len(own) >= self._settings.max_kernels_per_user:
            return own
        return everyone if len(everyone) >= self._settings.max_kernels else []

    def _oldest(self, kernels: Iterable[Kernel]) -> Kernel | None:
        """The longest idle one; kernels that are being closed or saved are not idle."""
        idle = [k for k in kernels if k.running and not k.busy and not k.saving and k not in self._closing]
        return min(idle, key=lambda k: k.used_at, default=None)

    async def _close(self, kernel: Kernel) -> None:
        self._closing.add(kernel)
        try:
            await kernel.close()
        finally:
            self._closing.discard(kernel)
