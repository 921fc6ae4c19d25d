"""Session locks: one run at a time per session, across all processes on one database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from anyio import CancelScope

from api.errors import ApiError, not_found
from api.runs.busy_sessions import RETRY_SECONDS, BusySessions, busy
from api.runs.claims import Attempt, SessionClaim
from api.runs.lease_keeper import LeaseKeeper
from api.runs.run import Run, Work, run_to_completion
from api.runs.settings import RunPolicy
from api.runs.stop_reasons import CANCELLED, INTERRUPTED, SHUTDOWN, stopped
from api.wire.messages import ChatMessage
from checkpoints.leases import Lease, Leases
from checkpoints.sessions import Session, Sessions
from workspace.session import SessionWorkspace
from workspace.workspaces import Workspaces

STOP_SECONDS = 5.0
"""How long to wait for another process to stop a session."""


class SessionLock:
    """A session locked by this process."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.run: Run | None = None
        self.stop: Exception | None = None
        """Why no run may start anymore."""
        self.released = asyncio.Event()

    async def end(self, why: Exception) -> None:
        """Stop the run, or prevent it from starting."""
        if self.run is not None:
            await self.run.stop(why)
        else:
            self.stop = self.stop or why

    def start(self, work: Work, owned: AsyncExitStack | None = None) -> Run:
        """Start the session's run. Raises the reason if the session was ended in the meantime.

        The run takes over `owned`, including this lock, and releases it at its end.
        """
        if self.stop is not None:
            raise self.stop
        self.run = Run(work, owned.pop_all() if owned is not None else None)
        return self.run


@dataclass(frozen=True, slots=True)
class LockedSession:
    """A locked session and the messages it receives."""

    session: Session
    workspace: SessionWorkspace
    lock: SessionLock
    new: Sequence[ChatMessage]
    fingerprint: str
    """Of the conversation including `new`."""
    system: tuple[str, ...] | None
    empty: bool
    """The session has no messages yet."""


class SessionLocks:
    """The sessions locked by this process, and their leases."""

    def __init__(
        self,
        leases: Leases,
        sessions: Sessions,
        workspaces: Workspaces,
        *,
        lease_seconds: float = 30,
        queue_seconds: float = 60,
    ) -> None:
        self._leases = leases
        self._sessions = sessions
        self._workspaces = workspaces
        self._lease_seconds = lease_seconds
        self._queue_seconds = queue_seconds
        self._active: dict[str, SessionLock] = {}
        self._busy = BusySessions(self)
        self._outside: set[Run] = set()
        self._closed: dict[str, Exception] = {}
        self._shut_down = False
        self._keeper = LeaseKeeper(leases, lease_seconds, self._active)

    def open(self) -> None:
        """Renew the leases until `aclose`."""
        self._keeper.start()

    async def aclose(self) -> None:
        await self.stop_all()
        await self._keeper.aclose()

    @asynccontextmanager
    async def lock(self, claim: SessionClaim) -> AsyncIterator[LockedSession]:
        """Lock the session of the claim for the duration of the block; returns it with its workspace and the new
        messages.

        A session created for the claim is deleted if the block fails before its run has started. Raises the claim's
        errors, 409 according to its policy, 404 if the session was deleted before it was locked, 503 at shutdown.
        """
        async with AsyncExitStack() as stack:
            yield await self._satisfied(claim, stack)

    async def _satisfied(self, claim: SessionClaim, stack: AsyncExitStack) -> LockedSession:
        async with aclosing(claim.attempts()) as attempts:
            async for attempt in attempts:
                if (locked := await self._attempt(attempt, claim.system, stack)) is not None:
                    return locked
        raise busy()

    async def _attempt(
        self, attempt: Attempt, system: tuple[str, ...] | None, stack: AsyncExitStack
    ) -> LockedSession | None:
        session, lock = attempt.session, SessionLock()

        async def undo(kind: object, *_: object) -> None:
            if kind is not None and attempt.discard is not None and lock.run is None:
                await attempt.discard()

        async with AsyncExitStack() as entered:
            entered.push_async_exit(undo)
            try:
                lock = await entered.enter_async_context(self.acquire(session.id, attempt.policy))
            except ApiError as error:
                if attempt.passes_when_busy and error.code == "session_busy":
                    return None
                raise
            if not attempt.empty and await self._sessions.get(session.id, session.owner) is None:
                if attempt.passes_when_deleted:
                    return None
                raise not_found("session", "session_id")
            known = attempt.fingerprint
            fingerprint = known if isinstance(known, str) else await known()
            if fingerprint is None:
                return None
            entered.push_async_callback(self._workspaces.rest)
            if lock.lease is not None and lock.lease.from_elsewhere:
                await self._workspaces.retire(session.id)
            workspace = await self._workspaces.open(session.id, session.owner)
            stack.push_async_exit(entered.pop_all())
        return LockedSession(session, workspace, lock, attempt.new, fingerprint, system, attempt.empty)

    @asynccontextmanager
    async def acquire(
        self, session_id: str, policy: RunPolicy = "reject", patience: float | None = None
    ) -> AsyncIterator[SessionLock]:
        """Lock a session for the duration of the block.

        If it is already locked, `reject` raises 409 at once, `enqueue` waits in order of arrival, and `interrupt` stops
        the current run, ahead of the queue. Both raise 409 after `patience` seconds (default: the setting). Raises 503
        at shutdown.
        """
        lock = await self._busy.acquire(session_id, policy, self._queue_seconds if patience is None else patience)
        try:
            yield lock
        finally:
            with CancelScope(shield=True):
                await self._release(session_id, lock)

    def start_outside(self, work: Work, owned: AsyncExitStack) -> Run:
        """Start a run without a session. Raises 503 at shutdown."""
        self._refuse_at_shutdown()
        run = Run(work, owned.pop_all())
        self._outside.add(run)
        run.when_ended(lambda: self._outside.discard(run))
        return run

    async def cancel(self, session_id: str, only: str | None = None) -> bool:
        """Cancel the running answer, or `only` that of this lease, in any process; False if there is none."""
        return await self._stop(session_id, CANCELLED, only)

    @property
    def busy(self) -> bool:
        """Whether any session is in use in this process."""
        return bool(self._active)

    @asynccontextmanager
    async def closed(self, session_id: str, why: Exception) -> AsyncIterator[None]:
        """During the block, nothing runs or starts in the session: attempts raise `why`.

        A running answer is cancelled. Its last events may still be sent, but it no longer changes the session.
        """
        self._closed[session_id] = why
        try:
            if (lock := self._active.get(session_id)) is not None:
                await lock.end(why)
                await lock.released.wait()
            elif await self._leases.ask_to_stop(session_id, CANCELLED):
                await self._until_free(session_id)
            yield
        finally:
            self._closed.pop(session_id, None)

    async def stop_all(self) -> None:
        """Stop every run with the error of a shutdown; no new one can start."""
        self._shut_down = True
        why = stopped(SHUTDOWN)
        locks, outside = list(self._active.values()), list(self._outside)
        await asyncio.gather(*(lock.end(why) for lock in locks), *(run.stop(why) for run in outside))

    # acquiring

    async def enter(self, session_id: str) -> SessionLock | None:
        """Lock a session that is free; None while it is busy. Raises an error if nobody may enter."""
        self._refuse_closed(session_id)
        if session_id in self._active:
            return None
        lock, ours = SessionLock(), False
        self._active[session_id] = lock
        try:
            await run_to_completion(self._take(session_id, lock))
            self._refuse_closed(session_id)
            ours = lock.lease is not None
        finally:
            if not ours:
                with CancelScope(shield=True):
                    await self._release(session_id, lock)
        return lock if ours else None

    async def _take(self, session_id: str, lock: SessionLock) -> None:
        lock.lease = await self._leases.take(session_id, self._lease_seconds)

    async def interrupt(self, session_id: str) -> None:
        """Stop a session's run, in any process."""
        await self._stop(session_id, INTERRUPTED)

    async def wait(self, session_id: str, seconds: float) -> None:
        """Wait until this process releases the session, or for `seconds`; other processes send no notification."""
        lock = self._active.get(session_id)
        released = lock.released if lock is not None else asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await released.wait()

    async def _release(self, session_id: str, lock: SessionLock) -> None:
        try:
            if lock.lease is not None:
                await self._leases.release(lock.lease)
        finally:
            del self._active[session_id]
            lock.released.set()

    def _refuse_at_shutdown(self) -> None:
        if self._shut_down:
            raise ApiError(503, "The service is shutting down.", kind="service_unavailable", code="shutting_down")

    def _refuse_closed(self, session_id: str) -> None:
        self._refuse_at_shutdown()
        if (why := self._closed.get(session_id)) is not None:
            raise why

    # stopping

    async def _stop(self, session_id: str, why: str, only: str | None = None) -> bool:
        lock = self._active.get(session_id)
        if lock is not None and lock.lease is not None and only in (None, lock.lease.id):
            await lock.end(stopped(why))
            return True
        if not await self._leases.ask_to_stop(session_id, why, only):
            return False
        await self._until_free(session_id, only)
        return True

    async def _until_free(self, session_id: str, only: str | None = None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while await self._leases.held(session_id, only):  # noqa: ASYNC110 (another process sets no event)
                    await asyncio.sleep(RETRY_SECONDS / 3)
