"""Runs functions in threads and undoes their results if the caller is cancelled."""

import _thread
import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Protocol, TypeVar


class Closable(Protocol):
    """Anything with a `close` method."""

    def close(self) -> object:
        """Release the resource."""


T = TypeVar("T")
C = TypeVar("C", bound=Closable)


async def opened_in_thread(opening: Callable[[], C]) -> C:
    """What `opening` opens in a thread; closed again if the caller is cancelled in the meantime."""
    return await made_in_thread(opening, lambda opened: opened.close())


async def made_in_thread(make: Callable[[], T], undo: Callable[[T], object]) -> T:
    """The result of `make`, run in a thread. If the caller is cancelled in the meantime, `undo` is called with it once.

    A cancelled caller continues at once, even if the thread hangs; the thread then undoes its own work.
    """
    handing_over, given_up, made = threading.Lock(), threading.Event(), list[T]()

    def work() -> None:
        thing = make()
        with handing_over:
            if given_up.is_set():
                undo(thing)
            else:
                made.append(thing)

    try:
        await asyncio.to_thread(work)
    except asyncio.CancelledError:
        with handing_over:
            given_up.set()
        for thing in made:
            await asyncio.shield(asyncio.to_thread(undo, thing))
        raise
    return made[0]


def in_own_thread(work: Callable[[], T]) -> "asyncio.Future[T]":
    """Run `work` in a new thread: it waits for nobody else's, and nobody waits for it, not even the process's end."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if result.done():
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except BaseException as raised:  # noqa: BLE001 (it is raised again, by the future)
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, value, error)

    # Not `Thread.start`: it waits until the new thread has run, which takes long while others compute.
    _thread.start_new_thread(run, ())
    return result
