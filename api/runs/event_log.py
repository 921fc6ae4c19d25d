"""What a run has told so far, kept for readers that come late or come back."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from nodes.events import AnswerDelta, Event, ThoughtDelta, ToolOutput

MAX_EVENTS = 100_000
MAX_CHARACTERS = 8_000_000
"""Of streamed text. Beyond either limit the oldest events are dropped."""
MAX_BATCH = 256
"""Events that a reader gets at once."""

T = TypeVar("T")


class EventsDroppedError(Exception):
    """The events that a reader wants next are no longer kept."""


class Log(Generic[T]):
    """Items in order, numbered from 1. Any number of readers follow it, each at its own pace."""

    def __init__(self, size: Callable[[T], int], max_items: int = MAX_EVENTS) -> None:
        self._size = size
        self._max_items = max_items
        self._items: deque[T] = deque()
        self._dropped = 0
        self._characters = 0
        self._closed = False
        self._changed: asyncio.Event | None = None
        """Set for the readers that wait; None while there are none."""

    def append(self, item: T) -> None:
        self._items.append(item)
        self._characters += self._size(item)
        while len(self._items) > self._max_items or self._characters > MAX_CHARACTERS:
            self._characters -= self._size(self._items.popleft())
            self._dropped += 1
        self._wake()

    def close(self) -> None:
        """Nothing more comes."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def reader(self, after: int = 0) -> "Reader[T]":
        """Begins behind item `after`."""
        return Reader(self, after)

    @property
    def characters(self) -> int:
        """Of the text that is kept."""
        return self._characters

    @property
    def length(self) -> int:
        """The number of the newest item."""
        return self._dropped + len(self._items)

    def keeps(self, number: int) -> bool:
        """Is everything from item `number` on still there?"""
        return self._dropped < number <= self.length + 1

    async def slice(self, number: int) -> Sequence[T]:
        """Item `number`, once it has come, and those behind it, at most `MAX_BATCH`; empty when the log ends before it.

        Raises `EventsDroppedError`.
        """
        while number > self.length:
            if self._closed:
                return ()
            if self._changed is None:
                self._changed = asyncio.Event()
            await self._changed.wait()
        if number <= self._dropped:
            raise EventsDroppedError
        first = number - self._dropped - 1
        return [self._items[at] for at in range(first, min(first + MAX_BATCH, len(self._items)))]


class Reader(Generic[T]):
    """One reader's place in a log."""

    def __init__(self, log: Log[T], after: int) -> None:
        self._log = log
        self.read = after
        """The number of the last item that was read."""

    async def next(self) -> Sequence[T]:
        """What has come since, at least one item; empty at the end. A wait that is cancelled loses nothing.

        Raises `EventsDroppedError`.
        """
        items = await self._log.slice(self.read + 1)
        self.read += len(items)
        return items


class EventLog(Log[Event]):
    """The events of a run."""

    def __init__(self, max_items: int = MAX_EVENTS) -> None:
        super().__init__(_size_of_event, max_items)


class WireLog(Log[dict[str, Any]]):
    """Events as a protocol tells them, for a protocol that folds each event once (Responses)."""

    def __init__(self) -> None:
        super().__init__(lambda event: len(event.get("delta", "")))


def _size_of_event(event: Event) -> int:
    match event:
        case AnswerDelta(text) | ThoughtDelta(text) | ToolOutput(text):
            return len(text)
        case _:
            return 0
