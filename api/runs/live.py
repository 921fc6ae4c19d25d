"""Runs that clients can resume: the latest of each session, while it runs and for some minutes afterwards."""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from api.errors import to_api_error
from api.runs.event_log import EventsDroppedError, gone
from api.runs.run import Run
from api.wire.answer import Answer
from api.wire.chat_chunks import ChatChunks
from api.wire.types import Chunk

KEEP_SECONDS = 300.0
"""How long an ended run can still be read, in seconds."""
MAX_CHARACTERS = 64_000_000
"""Limit for all ended runs together; the oldest are dropped first."""
Numbered = tuple[int | None, Chunk]
"""A chunk with its number in the stream: the first one is 0, each event has its own, the last ones follow. None: a
client cannot resume after it.
"""


@dataclass(frozen=True, slots=True)
class LiveRun:
    """A run and its encoding as a completion."""

    run: Run
    chunks: ChatChunks
    answer: Answer
    """Complete when the run has ended."""
    background: bool = False
    """The run continues without its client."""
    began: float = field(default_factory=time.time)

    async def stream(self, after: int | None = None) -> AsyncIterator[Sequence[Numbered]]:
        """All chunks, or those after number `after`, in batches as they become available."""
        if after is None:
            yield [(0, self.chunks.first())]
        reader = self.run.log.reader(after or 0)
        try:
            while events := await reader.next():
                told = enumerate(map(self.chunks.event, events), reader.read - len(events) + 1)
                if numbered := [(number, chunk) for number, chunk in told if chunk is not None]:
                    yield numbered
        except EventsDroppedError:
            yield [(None, self.chunks.error(gone()))]
            return
        if self.run.error is not None:
            last = [self.chunks.error(to_api_error(self.run.error))]
        else:
            last = self.chunks.last(self.answer)
        ends = enumerate(last, self.run.log.length + 1)
        yield [(number, chunk) for number, chunk in ends if number > (after or 0)]


class LiveRuns:
    """Maps sessions to their latest run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: dict[str, LiveRun] = {}
        self._ended: OrderedDict[str, tuple[float, LiveRun]] = OrderedDict()
        self._characters = 0
        """Of the ended runs."""

    def add(self, session_id: str, live: LiveRun) -> None:
        """Replaces the session's previous run."""
        self._forget(session_id)
        self._prune()
        self._running[session_id] = live
        live.run.when_ended(lambda: self._end(session_id, live))

    def get(self, session_id: str) -> LiveRun | None:
        self._prune()
        ended = self._ended.get(session_id)
        return ended[1] if ended is not None else self._running.get(session_id)

    async def session_deleted(self, _user_id: str, session_id: str) -> None:
        self._running.pop(session_id, None)
        self._forget(session_id)

    def _end(self, session_id: str, live: LiveRun) -> None:
        if self._running.get(session_id) is live:
            del self._running[session_id]
            self._ended[session_id] = (self._clock() + KEEP_SECONDS, live)
            self._characters += live.run.log.characters

    def _prune(self) -> None:
        while self._ended:
            session_id, (until, _) = next(iter(self._ended.items()))
            if until > self._clock() and self._characters <= MAX_CHARACTERS:
                return
            self._forget(session_id)

    def _forget(self, session_id: str) -> None:
        if (ended := self._ended.pop(session_id, None)) is not None:
            self._characters -= ended[1].run.log.characters
