"""A run: one turn worked out in a task of its own, its events read by whoever answers the client."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from anyio import CancelScope
from fastapi import Request

from api.errors import ApiError
from llm.errors import BackendStoppedError
from nodes.events import Event

Emit = Callable[[Event], None]


class Run:
    """Owns the task. `events` ends when the task has; `error` then says how, if badly."""

    def __init__(self, work: Callable[[Emit], Coroutine[None, None, None]]) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._stopped_by: Exception | None = None
        self._task = asyncio.create_task(work(self._queue.put_nowait))
        self._task.add_done_callback(lambda _: self._queue.put_nowait(None))

    async def next_event(self) -> Event | None:
        """The next event; None once the run has ended."""
        return await self._queue.get()

    async def events(self) -> AsyncIterator[Event]:
        while (event := await self.next_event()) is not None:
            yield event

    @property
    def error(self) -> Exception | None:
        """Why an ended run failed, or None."""
        if self._stopped_by is not None or self._task.cancelled():
            return self._stopped_by or BackendStoppedError("The run was cancelled.")
        error = self._task.exception()
        return error if isinstance(error, Exception) else None

    async def stop(self, why: Exception | None = None) -> None:
        """Cancel the run and wait until it has let go of the model and the kernel."""
        if not self._task.done():
            self._stopped_by = why
            self._task.cancel()
        # A response whose client left is cancelled at every wait, so this one is shielded: the session is let go, and
        # the run counted, when the run has ended and not before.
        with suppress(asyncio.CancelledError), CancelScope(shield=True):
            await asyncio.wait({self._task})

    async def wait(self) -> None:
        await asyncio.wait({self._task})


class Hold:
    """A session in somebody's hands."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.moved = asyncio.Event()
        """Set once a run has started, and when the session is let go."""


class Runs:
    """The runs under way: one a session at a time."""

    def __init__(self) -> None:
        self._active: dict[str, Hold] = {}
        self._ended: dict[str, Exception] = {}
        self._closing = False

    @contextmanager
    def hold(self, session_id: str) -> Iterator[None]:
        """The session is ours until the block ends. Raises 409 when it is somebody else's, 503 at shutdown."""
        if self._closing:
            raise ApiError(503, "The service is shutting down.", kind="service_unavailable", code="shutting_down")
        self._refuse_ended(session_id)
        if session_id in self._active:
            raise ApiError(
                409,
                "This session is answering another message. Wait for it, or use a session of its own.",
                param="session_id",
                code="session_busy",
                headers={"Retry-After": "1"},
            )
        hold = self._active[session_id] = Hold()
        try:
            yield
        finally:
            del self._active[session_id]
            hold.moved.set()

    def start(self, session_id: str, work: Callable[[Emit], Coroutine[None, None, None]]) -> Run:
        """Start a run in a session that is held. Raises why, when the session was ended meanwhile."""
        self._refuse_ended(session_id)
        hold = self._active[session_id]
        run = hold.run = Run(work)
        hold.moved.set()
        return run

    @asynccontextmanager
    async def ended(self, session_id: str, why: Exception) -> AsyncIterator[None]:
        """While the block runs, nothing runs in the session and nothing starts: who tries is told `why`.

        A run under way is cancelled. Its answer may take a while to leave, but touches nothing of the session.
        """
        self._ended[session_id] = why
        try:
            if (hold := self._active.get(session_id)) is not None:
                if hold.run is None:
                    await hold.moved.wait()
                if hold.run is not None:
                    await hold.run.stop(why)
            yield
        finally:
            self._ended.pop(session_id, None)

    def _refuse_ended(self, session_id: str) -> None:
        if (why := self._ended.get(session_id)) is not None:
            raise why

    async def stop_all(self) -> None:
        """End every run with the words of a shutdown; no new one starts."""
        self._closing = True
        why = BackendStoppedError("The service is shutting down; ask again in a moment.")
        await asyncio.gather(*(hold.run.stop(why) for hold in list(self._active.values()) if hold.run is not None))


@asynccontextmanager
async def stopping_when_gone(run: Run, request: Request) -> AsyncIterator[None]:
    """While the block runs, a client that goes away stops the run. For requests whose body has been read."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        await run.stop()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
