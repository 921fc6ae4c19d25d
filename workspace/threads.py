"""Runs functions in threads and undoes their results if the caller is cancelled."""

import _thread
import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
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
    result: Future[T] = Future()
    # Not `Thread.start`: it waits until the new thread has run, which takes long while others compute.
    _thread.start_new_thread(settle, (result, work))
    return asyncio.wrap_future(result)


def settle(result: "Future[T]", work: Callable[[], T]) -> None:
    """Run `work` for its result, unless nobody wants it any more."""
    if not result.set_running_or_notify_cancel():
        return
    try:
        value = work()
    except BaseException as error:  # noqa: BLE001 (the future raises it again)
        result.set_exception(error)
    else:
        result.set_result(value)
