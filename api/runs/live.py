"""Runs that clients can resume: the latest of each session, while it runs and for some minutes afterwards."""

import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from api.errors import to_api_error
from api.runs.event_log import EventsDroppedError, gone
from api.runs.run import Run
from api.wire.answer import Answer
from api.wire.chat_chunks import ChatChunks
from api.wire.types import Chunk
from workspace.fair_share import TENANT

KEEP_SECONDS = 300.0
"""How long an ended run can still be read, in seconds."""
MAX_CHARACTERS = 64_000_000
"""Limit for all ended runs together; the oldest of the user with the most are dropped first."""
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
    tenant: str = field(default_factory=TENANT.get)
    """Its user."""

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
        self._characters: Counter[str] = Counter()
        """Of each user's ended runs."""

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
            self._characters[live.tenant] += live.run.log.characters

    def _prune(self) -> None:
        now = self._clock()
        while self._ended and next(iter(self._ended.values()))[0] <= now:
            self._forget(next(iter(self._ended)))
        while self._characters.total() > MAX_CHARACTERS:
            ((greediest, _),) = self._characters.most_common(1)
            self._forget(next(session for session, (_, live) in self._ended.items() if live.tenant == greediest))

    def _forget(self, session_id: str) -> None:
        if (ended := self._ended.pop(session_id, None)) is not None:
            live = ended[1]
            self._characters[live.tenant] -= live.run.log.characters
            if not self._characters[live.tenant]:
                del self._characters[live.tenant]
