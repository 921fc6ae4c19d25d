"""A run: one turn executed in its own task, whose events are read by the response to the client."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from anyio import CancelScope
from fastapi import Request

from api.runs.event_log import EventLog
from llm.errors import BackendStoppedError
from nodes.events import Event

Emit = Callable[[Event], None]
Work = Callable[[Emit], Coroutine[None, None, None]]


class Run:
    """Owns the task. Its log ends with the task; `error` then has the failure, if any.

    `owned` is released when the work has ended, before the end of the log.
    """

    def __init__(self, work: Work, owned: AsyncExitStack | None = None) -> None:
        self.id = f"run_{secrets.token_hex(12)}"
        self.log = EventLog()
        self._stopped_by: Exception | None = None
        self._stopping = False
        self._worked = False
        self._began = asyncio.Event()
        self._task = asyncio.create_task(self._work(work, owned or AsyncExitStack()))
        self._task.add_done_callback(lambda _: self.log.close())

    async def _work(self, work: Work, owned: AsyncExitStack) -> None:
        async with owned:
            self._began.set()
            await work(self.log.append)
            self._worked = True

    @property
    def ended(self) -> bool:
        return self._task.done()

    @property
    def error(self) -> Exception | None:
        """Why an ended run failed, or None."""
        if self._stopped_by is not None or self._task.cancelled():
            return self._stopped_by or BackendStoppedError("The run was cancelled.")
        error = self._task.exception()
        return error if isinstance(error, Exception) else None

    @property
    def stopped_by(self) -> Exception | None:
        """The reason passed to `stop`."""
        return self._stopped_by

    async def stop(self, why: Exception | None = None) -> None:
        """Cancel the run and wait until it has released the model and the kernel. Only the first reason counts; none
        does if the work is done and only the session is being released.
        """
        # A response whose client disconnected is cancelled at every await, so these are shielded: the session must not
        # be released, nor the run counted, before the run has ended.
        with suppress(asyncio.CancelledError), CancelScope(shield=True):
            if not self._task.done() and not self._stopping and not self._worked:
                self._stopping, self._stopped_by = True, why
                await self._began.wait()  # a task that is cancelled before its first step releases nothing
                self._task.cancel()
            await asyncio.wait({self._task})

    def when_ended(self, told: Callable[[], None]) -> None:
        """Call `told` when the run has ended."""
        self._task.add_done_callback(lambda _: told())

    async def wait(self) -> None:
        await asyncio.wait({self._task})


@asynccontextmanager
async def stopping_when_gone(run: Run, request: Request) -> AsyncIterator[None]:
    """Stop the run if the client disconnects during the block. For requests whose body has been read."""

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


async def finished(run: Run, request: Request) -> None:
    """Wait for the run to end, and stop it if the client disconnects."""
    try:
        async with stopping_when_gone(run, request):
            await run.wait()
    finally:
        await run.stop()


async def run_to_completion(work: Coroutine[Any, Any, None]) -> None:
    """Complete `work` even if cancelled; the cancellation is raised afterwards.

    For writes whose result determines what must be undone: a statement that was sent is executed whether or not anyone
    waits for it.
    """
    task, cancelled = asyncio.create_task(work), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:  # possibly more than once
            cancelled = error
    if cancelled is not None:
        raise cancelled from task.exception()
    await task
