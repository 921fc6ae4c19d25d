"""Threads belong to the cell that starts them: their output goes there, and its end waits for them a little."""

import contextvars
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

WAIT_SECONDS = 5.0
"""How long the end of a cell waits for its threads, except daemons, and for what it submitted to thread pools."""

T = TypeVar("T")


@dataclass
class CellThreads:
    """What the current cell has started."""

    threads: list[threading.Thread] = field(default_factory=list)
    submitted: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def began(self, future: "Future[Any]") -> None:
        with self.changed:
            self.submitted += 1
        future.add_done_callback(self._ended)

    def _ended(self, _: "Future[Any]") -> None:
        with self.changed:
            self.submitted -= 1
            self.changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Until everything has ended, or `seconds` have passed."""
        until = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))
        with self.changed:
            self.changed.wait_for(lambda: self.submitted <= 0, max(0.0, until - time.monotonic()))


class Threads:
    """Follows the threads of every cell. A context variable says to which cell output belongs; threads inherit it."""

    def __init__(self) -> None:
        self._cell = CellThreads()

    def new_cell(self) -> None:
        self._cell = CellThreads()

    def wait(self) -> None:
        """At the end of a cell, as at the end of a script: wait for what it started, but not for long."""
        self._cell.wait(WAIT_SECONDS)

    def install(self) -> None:
        """Once, in the kernel. A thread started before is not followed."""
        start, submit = threading.Thread.start, ThreadPoolExecutor.submit

        def start_in_context(thread: threading.Thread) -> None:
            _inherit_context(thread)
            # Those of libraries, such as the workers of a pool, may never end.
            if not thread.daemon and sys._getframe(1).f_globals.get("__name__") == "__main__":
                self._cell.threads.append(thread)
            start(thread)

        def submit_in_context(
            pool: ThreadPoolExecutor, function: Callable[..., T], /, *args: Any, **kwargs: Any
        ) -> "Future[T]":
            future = submit(pool, contextvars.copy_context().run, function, *args, **kwargs)
            self._cell.began(future)
            return future

        threading.Thread.start = start_in_context  # type: ignore[method-assign, assignment]
        ThreadPoolExecutor.submit = submit_in_context  # type: ignore[method-assign, assignment]


def _inherit_context(thread: threading.Thread) -> None:
    """As Python 3.14 can do: the thread runs in a copy of the context that starts it."""
    run, context = thread.run, contextvars.copy_context()

    def run_in_context() -> None:
        try:
            context.run(run)
        finally:
            del thread.run  # a cycle: the thread would not be freed at once

    thread.run = run_in_context  # type: ignore[method-assign]
