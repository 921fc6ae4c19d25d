"""Keeps the leases of the sessions that this process answers in, and heeds what other processes ask of them."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

import aiosqlite

from api.runs.stop_reasons import LOST, stopped
from checkpoints.leases import Lease, Leases

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.15
"""How often to look for what others ask, and whether they have released a session."""


class Leased(Protocol):
    """A session of this process."""

    lease: Lease | None
    released: asyncio.Event

    async def end(self, why: Exception) -> None:
        """Stop its run, or keep it from starting."""


class LeaseKeeper:
    """Renews the leases of `active` until it is closed."""

    def __init__(self, leases: Leases, seconds: float, active: Mapping[str, Leased]) -> None:
        self._leases = leases
        self._seconds = seconds
        self._active = active
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep())

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, *self._ending, return_exceptions=True)

    async def _keep(self) -> None:
        renewed = 0.0
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if not self._active:
                continue
            try:
                await self._heed()
                if (now := asyncio.get_running_loop().time()) - renewed > self._seconds / 3:
                    renewed = now
                    await self._renew()
            except aiosqlite.Error as error:
                log.warning("the leases of sessions could not be renewed, that is tried again: %s", error)

    async def _heed(self) -> None:
        for session_id, why in (await self._leases.asked_to_stop()).items():
            if (lock := self._active.get(session_id)) is not None:
                self._end_soon(lock, why)

    async def _renew(self) -> None:
        """A lease that was lost (the process was asleep for too long) ends its run: the session is another's now."""
        locks = [lock for lock in self._active.values() if lock.lease is not None]
        kept = await self._leases.renew(self._seconds)
        for lock in locks:
            if lock.lease is not None and lock.lease.id not in kept and not lock.released.is_set():
                self._end_soon(lock, LOST)

    def _end_soon(self, lock: Leased, why: str) -> None:
        """In a task of its own: a run that is slow to end must not keep the leases from being renewed."""
        task = asyncio.create_task(lock.end(stopped(why)))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
