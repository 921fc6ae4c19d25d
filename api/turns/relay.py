"""Relays a graph's events to a run's log and to its answer."""

import time
from collections.abc import AsyncIterator, Iterator

from api.runs.run import Emit
from api.wire.answer import Answer
from nodes.events import AnswerDelta, Event, Finished, PlanStepEnded, StepDone, StepsOrdered, ThoughtDelta

BATCH = 500
"""Events that the answer takes in at once."""


async def relay(events: AsyncIterator[Event], answer: Answer, emit: Emit) -> None:
    """Emit the events as they come, and feed them to the answer in batches. If they are cut off, so is the plan."""
    batch: list[Event] = []
    order, complete = ThoughtOrder(), False

    def send(event: Event) -> None:
        emit(event)
        batch.append(event)

    try:
        async for event in events:
            for told in order.ordered(event):
                send(_timed(told, answer))
            if len(batch) >= BATCH:
                answer.feed(batch)
                batch.clear()
        complete = True
    finally:
        answer.feed(batch)
        if not complete and (cut := answer.cut_plan()) is not None:
            emit(cut)
            answer.feed([cut])


def _timed(event: Event, answer: Answer) -> Event:
    """The event with its step numbered; the answer notes its time."""
    match event:
        case AnswerDelta() if answer.first_token is None:
            answer.first_token = time.monotonic()
        case Finished():
            answer.ended = time.monotonic()
        case StepsOrdered():
            answer.numbered_from(event)
        case StepDone():
            return answer.numbered(event)
    return event


class ThoughtOrder:
    """Puts the thoughts of parallel steps one after the other, because nobody can read them word by word in turn.

    Call it with a run's events in order. One step's thoughts pass as they come; those of others wait for its end.
    """

    def __init__(self) -> None:
        self._current: int | None = None
        self._waiting: dict[int, list[ThoughtDelta]] = {}
        self._ended: set[int] = set()

    def ordered(self, event: Event) -> Iterator[Event]:
        """The events that can be sent now."""
        match event:
            case ThoughtDelta(_, step) if step is not None and step != self._current and self._current is not None:
                self._waiting.setdefault(step, []).append(event)
                return
            case ThoughtDelta(_, step) if step is not None:
                self._current = step
            case PlanStepEnded(step):
                self._ended.add(step)
                if step == self._current:
                    yield from self._next()
            case StepsOrdered():
                self._ended.clear()
        yield event

    def _next(self) -> Iterator[Event]:
        self._current = None
        while self._waiting and self._current is None:
            step = next(iter(self._waiting))
            yield from self._waiting.pop(step)
            if step not in self._ended:
                self._current = step
