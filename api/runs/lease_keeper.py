"""Renews the leases of this process's sessions and handles stop requests of other processes."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

import aiosqlite

from api.runs.stop_reasons import LOST, stopped
from checkpoints.leases import Lease, Leases

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.15
"""How often to check for stop requests, and for sessions released by other processes."""


class Leased(Protocol):
    """A session locked by this process."""

    lease: Lease | None
    released: asyncio.Event

    async def end(self, why: Exception) -> None:
        """Stop its run, or prevent it from starting."""


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
                log.warning("the session leases could not be renewed; retrying: %s", error)

    async def _heed(self) -> None:
        for session_id, why in (await self._leases.asked_to_stop()).items():
            if (lock := self._active.get(session_id)) is not None:
                self._end_soon(lock, why)

    async def _renew(self) -> None:
        """A lost lease (after the process was suspended for too long) ends its run: another process has the session."""
        locks = [lock for lock in self._active.values() if lock.lease is not None]
        kept = await self._leases.renew(self._seconds)
        for lock in locks:
            if lock.lease is not None and lock.lease.id not in kept and not lock.released.is_set():
                self._end_soon(lock, LOST)

    def _end_soon(self, lock: Leased, why: str) -> None:
        """In a separate task, because a run that ends slowly must not delay the renewal of leases."""
        task = asyncio.create_task(lock.end(stopped(why)))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
