"""Whose turn is it? One run at a time in a session, over all processes on one database."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiosqlite
from anyio import CancelScope

from api.errors import ApiError
from api.runs.run import Run, Work, whole
from api.runs.settings import RunPolicy
from api.runs.stop_reasons import CANCELLED, INTERRUPTED, LOST, SHUTDOWN, stopped
from checkpoints.leases import Lease, Leases

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.15
"""How often a process looks for what others ask of its sessions, and whether others have let go."""
STOP_SECONDS = 5.0
"""So long a session that is to be stopped elsewhere is waited for."""


class Hold:
    """A session in this process's hands."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.run: Run | None = None
        self.stop: Exception | None = None
        """Why no run may start any more."""
        self.released = asyncio.Event()

    async def end(self, why: Exception) -> None:
        """Stop the run, or keep it from starting."""
        if self.run is not None:
            await self.run.stop(why)
        else:
            self.stop = self.stop or why


class Runs:
    """The runs under way in this process, and the leases behind them. `keep` has to run all the while."""

    def __init__(self, leases: Leases, lease_seconds: float = 30, queue_seconds: float = 60) -> None:
        self._leases = leases
        self._lease_seconds = lease_seconds
        self._queue_seconds = queue_seconds
        self._active: dict[str, Hold] = {}
        self._waiting: dict[str, deque[object]] = {}
        self._asides: set[Run] = set()
        self._ended: dict[str, Exception] = {}
        self._closing = False
        self._keeping: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def start_keeping(self) -> None:
        """Renew the leases, and heed what other processes ask, until `aclose`."""
        self._keeping = asyncio.create_task(self._keep())

    async def aclose(self) -> None:
        await self.stop_all()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, *self._ending, return_exceptions=True)

    @asynccontextmanager
    async def hold(
        self, session_id: str, policy: RunPolicy = "reject", patience: float | None = None
    ) -> AsyncIterator[Lease]:
        """The session is ours until the block ends.

        While it is somebody else's: `reject` raises 409 at once; `enqueue` waits, first come, first served;
        `interrupt` ends what runs and does not queue. Both raise 409 after `patience` seconds (default: the setting).
        Raises 503 at shutdown.
        """
        hold = await self._acquire(session_id, policy, self._queue_seconds if patience is None else patience)
        assert hold.lease is not None, "an acquired hold has its lease"
        try:
            yield hold.lease
        finally:
            with CancelScope(shield=True):
                await self._release(session_id, hold)

    def start(self, session_id: str, work: Work, owned: AsyncExitStack | None = None) -> Run:
        """Start a run in a session that is held. Raises why, when the session was ended meanwhile.

        The run takes over what is `owned`, the hold itself for one, and lets go of it at its end.
        """
        self._refuse_ended(session_id)
        hold = self._active[session_id]
        if hold.stop is not None:
            raise hold.stop
        hold.run = Run(work, owned.pop_all() if owned is not None else None)
        return hold.run

    def start_aside(self, work: Work, owned: AsyncExitStack) -> Run:
        """Start a run that belongs to no session. Raises 503 at shutdown."""
        self._refuse_at_shutdown()
        run = Run(work, owned.pop_all())
        self._asides.add(run)
        run.when_ended(lambda: self._asides.discard(run))
        return run

    def lease(self, session_id: str) -> Lease:
        """Of a session that is held here."""
        lease = self._active[session_id].lease
        assert lease is not None, "a session that is held has its lease"
        return lease

    def why_ended(self, session_id: str) -> Exception | None:
        """Why the run in a session that is held here was ended; None when its client left."""
        run = self._active[session_id].run
        return run.stopped_by if run is not None else None

    async def cancel(self, session_id: str, only: str | None = None) -> bool:
        """End the answer under way, or `only` the one of this hold, in whatever process; False when there is none."""
        return await self._stop(session_id, CANCELLED, only)

    @asynccontextmanager
    async def ended(self, session_id: str, why: Exception) -> AsyncIterator[None]:
        """While the block runs, nothing runs in the session and nothing starts: who tries is told `why`.

        A run under way is cancelled. Its answer may take a while to leave, but touches nothing of the session.
        """
        self._ended[session_id] = why
        try:
            if (hold := self._active.get(session_id)) is not None:
                await hold.end(why)
                await hold.released.wait()
            elif await self._leases.ask_to_stop(session_id, CANCELLED):
                await self._until_free(session_id)
            yield
        finally:
            self._ended.pop(session_id, None)

    async def stop_all(self) -> None:
        """End every run with the words of a shutdown; no new one starts."""
        self._closing = True
        why = stopped(SHUTDOWN)
        holds, asides = list(self._active.values()), list(self._asides)
        await asyncio.gather(*(hold.end(why) for hold in holds), *(run.stop(why) for run in asides))

    # acquiring

    async def _acquire(self, session_id: str, policy: RunPolicy, patience: float) -> Hold:
        ticket, deadline = object(), asyncio.get_running_loop().time() + patience
        queue = self._waiting.setdefault(session_id, deque())
        if policy == "enqueue":
            queue.append(ticket)
        try:
            while True:
                self._refuse_ended(session_id)
                first = policy == "interrupt" or not queue or queue[0] is ticket
                if first and (hold := await self._try(session_id)) is not None:
                    return hold
                left = deadline - asyncio.get_running_loop().time()
                if policy == "reject" or left <= 0:
                    raise _busy()
                if policy == "interrupt":
                    await self._stop(session_id, INTERRUPTED)
                await self._wait(session_id, min(left, WATCH_SECONDS))
        finally:
            if policy == "enqueue":
                queue.remove(ticket)
            if not queue and self._waiting.get(session_id) is queue:
                del self._waiting[session_id]

    async def _try(self, session_id: str) -> Hold | None:
        if session_id in self._active:
            return None
        hold, ours = Hold(), False
        self._active[session_id] = hold
        try:
            await whole(self._take(session_id, hold))
            self._refuse_ended(session_id)
            ours = hold.lease is not None
        finally:
            if not ours:
                with CancelScope(shield=True):
                    await self._release(session_id, hold)
        return hold if ours else None

    async def _take(self, session_id: str, hold: Hold) -> None:
        hold.lease = await self._leases.take(session_id, self._lease_seconds)

    async def _wait(self, session_id: str, seconds: float) -> None:
        """Until this process lets go of the session, or `seconds` have passed: another one says nothing."""
        hold = self._active.get(session_id)
        released = hold.released if hold is not None else asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await released.wait()

    async def _release(self, session_id: str, hold: Hold) -> None:
        try:
            if hold.lease is not None:
                await self._leases.release(hold.lease)
        finally:
            del self._active[session_id]
            hold.released.set()

    def _refuse_at_shutdown(self) -> None:
        if self._closing:
            raise ApiError(503, "The service is shutting down.", kind="service_unavailable", code="shutting_down")

    def _refuse_ended(self, session_id: str) -> None:
        self._refuse_at_shutdown()
        if (why := self._ended.get(session_id)) is not None:
            raise why

    # stopping

    async def _stop(self, session_id: str, why: str, only: str | None = None) -> bool:
        hold = self._active.get(session_id)
        if hold is not None and hold.lease is not None and only in (None, hold.lease.hold):
            await hold.end(stopped(why))
            return True
        if not await self._leases.ask_to_stop(session_id, why, only):
            return False
        await self._until_free(session_id, only)
        return True

    async def _until_free(self, session_id: str, only: str | None = None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while await self._leases.held(session_id, only):  # noqa: ASYNC110 (another process sets no event)
                    await asyncio.sleep(WATCH_SECONDS / 3)

    # keeping

    async def _keep(self) -> None:
        renewed = 0.0
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if not self._active:
                continue
            try:
                await self._heed()
                if (now := asyncio.get_running_loop().time()) - renewed > self._lease_seconds / 3:
                    renewed = now
                    await self._renew()
            except aiosqlite.Error as error:
                log.warning("the leases of sessions could not be looked after, that is tried again: %s", error)

    async def _heed(self) -> None:
        for session_id, why in (await self._leases.asked_to_stop()).items():
            if (hold := self._active.get(session_id)) is not None:
                self._end_soon(hold, why)

    async def _renew(self) -> None:
        """A lease that was lost (the process was asleep for too long) ends its run: the session is another's now."""
        holds = [hold for hold in self._active.values() if hold.lease is not None]
        kept = await self._leases.renew(self._lease_seconds)
        for hold in holds:
            if hold.lease is not None and hold.lease.hold not in kept and not hold.released.is_set():
                self._end_soon(hold, LOST)

    def _end_soon(self, hold: Hold, why: str) -> None:
        """In a task of its own: a run that is slow to end must not keep the leases from being renewed."""
        task = asyncio.create_task(hold.end(stopped(why)))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _busy() -> ApiError:
    return ApiError(
        409,
        "This session is answering another message. Wait for it, or use a session of its own.",
        param="session_id",
        code="session_busy",
        headers={"Retry-After": "1"},
    )
