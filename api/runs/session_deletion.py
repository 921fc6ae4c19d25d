"""Deletes conversations completely, even if the service is interrupted.

The session's row is deleted last. Until then it records the progress, and the rest is deleted at the next start, or
when the owner deletes the session again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import aiosqlite

from api.errors import not_found
from api.runs.session_locks import SessionLocks
from checkpoints.sessions import Deletion, Session
from checkpoints.store import Store
from workspace.errors import WorkspaceError
from workspace.workspaces import Workspaces

log = logging.getLogger(__name__)

OnDeleted = Callable[[str, str], Awaitable[None]]
"""Called with the owner's and the session's ID during a deletion; possibly again after a crash."""
REST = 4
"""Pause between rounds, as a multiple of a round's duration."""
SMALL_DATABASE = 16 << 20
"""Bytes of a database that is vacuumed at once: others wait for half a second."""
LARGE_DATABASE = 256 << 20
"""Bytes of a database that is vacuumed in a quiet moment: others would wait for up to 8 seconds."""
QUIET_SECONDS = 30.0
"""A moment is quiet if no answer has been written for so long."""
PATIENCE_SECONDS = 6 * 3600.0
"""After so long without a quiet moment, a large database is vacuumed all the same."""
FAILURES = (WorkspaceError, OSError, aiosqlite.Error)


class SessionDeletion:
    """Deletes sessions. Background tasks overwrite their remains in the database's files."""

    def __init__(
        self, store: Store, workspaces: Workspaces, locks: SessionLocks, on_deleted: tuple[OnDeleted, ...] = ()
    ) -> None:
        self._store = store
        self._workspaces = workspaces
        self._locks = locks
        self._on_deleted = on_deleted
        self._wiped = asyncio.Event()
        self._large = asyncio.Event()
        """A large database waits for a vacuum."""
        self._scrubbing: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Complete interrupted deletions; those that fail are retried at the next start."""
        for session in await self._store.sessions.in_deletion(Deletion.BEGUN):
            try:
                await self._wipe(session.id, session.owner)
            except FAILURES as error:
                log.warning("the deletion of a session could not be completed: %s", error)
        if await self._store.sessions.in_deletion(Deletion.WIPED):
            self._wiped.set()
        self._scrubbing = [
            asyncio.create_task(self._scrub_for_ever()),
            asyncio.create_task(self._vacuum_for_ever()),
        ]

    async def aclose(self) -> None:
        for task in self._scrubbing:
            task.cancel()
        await asyncio.gather(*self._scrubbing, return_exceptions=True)

    async def delete(self, session_id: str, owner: str) -> None:
        """Stop a running answer, then delete everything of the session. Raises 404."""
        if not await self._store.sessions.begin_deletion(session_id, owner):
            raise not_found("session")
        await self._wipe(session_id, owner)

    async def discard(self, session_id: str, owner: str) -> None:
        """Delete what is outside of the database. Raises `WorkspaceError`."""
        await self._workspaces.discard(session_id)
        for told in self._on_deleted:
            await told(owner, session_id)

    async def _wipe(self, session_id: str, owner: str) -> None:
        async with self._locks.closed(session_id, not_found("session", "session_id")):
            await self.discard(session_id, owner)
            await self._store.saver.adelete_thread(session_id)
            await self._store.sessions.wipe(session_id)
        self._wiped.set()

    async def _scrub_for_ever(self) -> None:
        """Deletions during a round share the next one; rounds take a small share of the time."""
        while True:
            await self._wiped.wait()
            self._wiped.clear()
            began = time.monotonic()
            with _failures_logged():
                await self._scrub(await self._store.sessions.in_deletion(Deletion.WIPED))
            await asyncio.sleep(REST * (time.monotonic() - began))

    async def _scrub(self, sessions: list[Session]) -> None:
        scrubber = self._store.scrubber
        await scrubber.give_back()
        await scrubber.cut_log()
        await scrubber.merge_index()
        await scrubber.give_back()
        if await scrubber.vacuum(SMALL_DATABASE):
            await self._complete(sessions)
        else:
            await scrubber.cut_log()
            self._large.set()

    async def _vacuum_for_ever(self) -> None:
        """In quiet moments, for databases that are too large to be vacuumed in each round."""
        while True:
            await self._large.wait()
            await self._quiet_moment()
            self._large.clear()
            with _failures_logged():
                sessions = await self._store.sessions.in_deletion(Deletion.WIPED)
                if not await self._store.scrubber.vacuum(LARGE_DATABASE):
                    log.warning("the database is too large to be vacuumed while the service runs; see docs/sessions.md")
                await self._complete(sessions)

    async def _quiet_moment(self) -> None:
        began = quiet_since = time.monotonic()
        while (now := time.monotonic()) - quiet_since < QUIET_SECONDS and now - began < PATIENCE_SECONDS:
            await asyncio.sleep(QUIET_SECONDS / 10)
            if self._locks.busy:
                quiet_since = time.monotonic()

    async def _complete(self, sessions: list[Session]) -> None:
        """Nothing is left of them but their rows."""
        if not await self._store.scrubber.cut_log():
            log.warning("the write-ahead log could not be truncated; retrying after the next deletion")
            return
        for session in sessions:
            await self._store.sessions.delete(session.id)
        await self._store.scrubber.cut_log()


@contextmanager
def _failures_logged() -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        log.warning("the remains of deleted conversations in the database are not overwritten yet: %s", error)
