"""Runs that clients may come back to: the latest of each session, while it lasts and some minutes longer."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from api.runs.run import Run
from api.wire.answer import Answer
from api.wire.chunks import Frames

KEEP_SECONDS = 300.0
"""An ended run can be read for so long."""
MAX_CHARACTERS = 64_000_000
"""Of all ended runs together; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Live:
    """A run, and how it is told as a completion."""

    run: Run
    frames: Frames
    answer: Answer
    include_usage: bool
    background: bool = False
    """It goes on without its client."""
    began: float = field(default_factory=time.time)


class Streams:
    """Session → its latest run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: dict[str, Live] = {}
        self._ended: OrderedDict[str, tuple[float, Live]] = OrderedDict()

    def add(self, session_id: str, live: Live) -> None:
        """Takes the place of the run before."""
        self._ended.pop(session_id, None)
        self._running[session_id] = live
        live.run.when_ended(lambda: self._end(session_id, live))
        self._prune()

    def get(self, session_id: str) -> Live | None:
        self._prune()
        ended = self._ended.get(session_id)
        return ended[1] if ended is not None else self._running.get(session_id)

    async def session_deleted(self, _user_id: str, session_id: str) -> None:
        self._running.pop(session_id, None)
        self._ended.pop(session_id, None)

    def _end(self, session_id: str, live: Live) -> None:
        if self._running.get(session_id) is live:
            del self._running[session_id]
            self._ended[session_id] = (self._clock() + KEEP_SECONDS, live)

    def _prune(self) -> None:
        now, size = self._clock(), sum(live.run.log.characters for _, live in self._ended.values())
        while self._ended:
            until, live = next(iter(self._ended.values()))
            if until > now and size <= MAX_CHARACTERS:
                return
            self._ended.popitem(last=False)
            size -= live.run.log.characters
