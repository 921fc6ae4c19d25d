"""The events of a run, kept for readers that start late or return."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from api.errors import ApiError
from nodes.events import AnswerDelta, Event, ThoughtDelta, ToolOutput

MAX_EVENTS = 100_000
MAX_CHARACTERS = 8_000_000
"""Limit of streamed text. Beyond either limit the oldest events are dropped."""
MAX_BATCH = 256
"""Maximum number of events that a reader gets at once."""

T = TypeVar("T")


class EventsDroppedError(Exception):
    """The next events for this reader are no longer kept."""


class Log(Generic[T]):
    """An append-only sequence numbered from 1. Any number of readers follow it, each at its own pace."""

    def __init__(self, size: Callable[[T], int], max_items: int = MAX_EVENTS) -> None:
        self._size = size
        self._max_items = max_items
        self._items: deque[T] = deque()
        self._dropped = 0
        self._characters = 0
        self._closed = False
        self._changed: asyncio.Event | None = None
        """Set when waiting readers can continue; None if no reader is waiting."""

    def append(self, item: T) -> None:
        self._items.append(item)
        self._characters += self._size(item)
        while len(self._items) > self._max_items or self._characters > MAX_CHARACTERS:
            self._characters -= self._size(self._items.popleft())
            self._dropped += 1
        self._wake()

    def close(self) -> None:
        """Mark the log as complete."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def reader(self, after: int = 0) -> "Reader[T]":
        """A reader that starts after item `after`."""
        return Reader(self, after)

    @property
    def characters(self) -> int:
        """Number of characters of the kept text."""
        return self._characters

    @property
    def length(self) -> int:
        """The number of the newest item."""
        return self._dropped + len(self._items)

    def keeps(self, number: int) -> bool:
        """Whether all items from `number` on are still kept."""
        return self._dropped < number <= self.length + 1

    async def slice(self, number: int) -> Sequence[T]:
        """Item `number`, once it exists, and those after it, at most `MAX_BATCH`; empty if the log ends before it.

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
    """A position in a log."""

    def __init__(self, log: Log[T], after: int) -> None:
        self._log = log
        self.read = after
        """The number of the last item read."""

    async def next(self) -> Sequence[T]:
        """The next items, at least one; empty at the end. Cancelling the wait loses nothing.

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
    """Events in the format of a protocol that folds each event only once (Responses)."""

    def __init__(self) -> None:
        super().__init__(lambda event: len(event.get("delta", "")))


def _size_of_event(event: Event) -> int:
    match event:
        case AnswerDelta(text) | ThoughtDelta(text) | ToolOutput(text):
            return len(text)
        case _:
            return 0


def gone() -> ApiError:
    """For a reader whose position in the stream is no longer kept."""
    return ApiError(410, "This part of the stream is no longer available; read the history.", code="stream_gone")
