"""Event loops in cells: `asyncio.run` while the kernel's own loop runs, and interrupts of cells that await."""

import asyncio
import signal
import threading
from asyncio import base_events, events
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import Any, ParamSpec, TypeVar

USE_AWAIT = "This task belongs to the event loop that already runs here: use `await`, which cells may use at top level."

P = ParamSpec("P")
T = TypeVar("T")


class EventLoops:
    """Lets a cell run other event loops while the kernel's one waits for the cell."""

    def __init__(self) -> None:
        self._kernel_loop: asyncio.AbstractEventLoop | None = None

    def new_cell(self) -> None:
        """Called by the kernel's own loop."""
        loop = asyncio.get_running_loop()
        if loop is not self._kernel_loop:
            self._kernel_loop = loop
            # Scripts take "the" loop, run something on it, and close it: the kernel needs it afterwards.
            loop.close = lambda: None  # type: ignore[method-assign]
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and handler is not signal.default_int_handler:
            signal.signal(signal.SIGINT, _waking(loop, handler))

    def install(self) -> None:
        """Once, in the kernel."""
        asyncio.run = asyncio.runners.run = self._apart(asyncio.run)
        asyncio.Runner.run = self._apart(asyncio.Runner.run)  # type: ignore[method-assign]
        loop = base_events.BaseEventLoop
        run_apart = self._apart(loop.run_until_complete)

        def run_until_complete(chosen: asyncio.AbstractEventLoop, future: Awaitable[Any]) -> Any:
            if chosen is not self._kernel_loop or not chosen.is_running():
                return run_apart(chosen, future)  # type: ignore[arg-type]
            if asyncio.isfuture(future):
                raise RuntimeError(USE_AWAIT)
            return asyncio.run(_awaited(future))

        loop.run_until_complete = run_until_complete  # type: ignore[method-assign, assignment]
        loop.run_forever = self._apart(loop.run_forever)  # type: ignore[method-assign]

    def _apart(self, run: Callable[P, T]) -> Callable[P, T]:
        @wraps(run)
        def run_apart(*args: P.args, **kwargs: P.kwargs) -> T:
            with self._no_running_loop():
                return run(*args, **kwargs)

        return run_apart

    @contextmanager
    def _no_running_loop(self) -> Iterator[None]:
        """As in a script. An interrupt then reaches the inner loop, also from a cell that awaits."""
        loop = events._get_running_loop()
        is_main = threading.current_thread() is threading.main_thread()
        if loop is None or loop is not self._kernel_loop or not is_main:
            yield
            return
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        events._set_running_loop(None)
        try:
            yield
        finally:
            events._set_running_loop(loop)
            signal.signal(signal.SIGINT, handler)


def _waking(loop: asyncio.AbstractEventLoop, handler: Callable[[int, FrameType | None], Any]) -> Callable[..., None]:
    """ipykernel's handler schedules the cancellation of the cell, but does not wake a loop that waits."""

    def handle_and_wake(number: int, frame: FrameType | None) -> None:
        handler(number, frame)
        loop.call_soon_threadsafe(lambda: None)

    return handle_and_wake


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable
