"""What a run has told so far, kept for readers that come late or come back."""

import asyncio
from collections import deque

from nodes.events import AnswerDelta, Event, ThoughtDelta, ToolOutput

MAX_EVENTS = 100_000
MAX_CHARACTERS = 8_000_000
"""Of text in streamed pieces. Beyond either, the oldest events are dropped."""


class EventsDroppedError(Exception):
    """The events that a reader wants next are not kept any more."""


class EventLog:
    """Events in order, numbered from 1. Any number of readers follow it, each at its own pace."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._max_events = max_events
        self._events: deque[Event] = deque()
        self._dropped = 0
        self._characters = 0
        self._closed = False
        self._changed: asyncio.Event | None = None
        """Of the readers that wait; None while nobody does."""

    def append(self, event: Event) -> None:
        self._events.append(event)
        self._characters += _size(event)
        while len(self._events) > self._max_events or self._characters > MAX_CHARACTERS:
            self._characters -= _size(self._events.popleft())
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

    def reader(self, after: int = 0) -> "Reader":
        """Begins behind event `after`."""
        return Reader(self, after)

    @property
    def characters(self) -> int:
        """Of the text that is kept."""
        return self._characters

    @property
    def length(self) -> int:
        """The number of the newest event."""
        return self._dropped + len(self._events)

    def keeps(self, number: int) -> bool:
        """Is everything from event `number` on still there?"""
        return self._dropped < number <= self.length + 1

    async def get(self, number: int) -> Event | None:
        """Event `number`, when it has come; None when the log ends before it. Raises `EventsDroppedError`."""
        while number > self.length:
            if self._closed:
                return None
            if self._changed is None:
                self._changed = asyncio.Event()
            await self._changed.wait()
        if number <= self._dropped:
            raise EventsDroppedError
        return self._events[number - self._dropped - 1]


class Reader:
    """One reader's place in a log."""

    def __init__(self, log: EventLog, after: int) -> None:
        self._log = log
        self.read = after
        """How many events it has read: the number of the last one."""

    async def next(self) -> Event | None:
        """The next event; None at the end. A wait that is cancelled loses nothing. Raises `EventsDroppedError`."""
        event = await self._log.get(self.read + 1)
        if event is not None:
            self.read += 1
        return event


def _size(event: Event) -> int:
    match event:
        case AnswerDelta(text) | ThoughtDelta(text) | ToolOutput(text):
            return len(text)
        case _:
            return 0
