"""Things that a thread makes and somebody has to let go of, such as open files."""

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol, TypeVar


class Closable(Protocol):
    """Whatever is let go of by closing it."""

    def close(self) -> object:
        """Let go."""


T = TypeVar("T")
C = TypeVar("C", bound=Closable)


async def opened_in_thread(opening: Callable[[], C]) -> C:
    """What `opening` opens in a thread; closed again when the caller is cancelled meanwhile."""
    return await made_in_thread(opening, lambda opened: opened.close())


async def made_in_thread(make: Callable[[], T], undo: Callable[[T], object]) -> T:
    """What `make` gives, run in a thread. When the caller is cancelled meanwhile, `undo` is called with it, once.

    A cancelled caller goes on at once, also when the thread hangs; the thread then undoes its own work.
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
                undo(thing)
        raise
    return made[0]
