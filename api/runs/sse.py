"""A run as Server-Sent Events: chunks of Chat Completions, or typed events of Responses."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.errors import ApiError, to_api_error
from api.runs.event_log import EventsDroppedError, Reader
from api.runs.live import Live
from api.runs.run import Run
from api.turns.turn import Turn
from api.wire.answer import Answer
from api.wire.chunks import Frames, error_frame
from api.wire.responses_body import Body
from api.wire.responses_items import Items
from nodes.events import Event

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class RunResponse(StreamingResponse):
    """Streams a run. When it has been sent, or cannot be, the run ends too, unless it is one in the background."""

    def __init__(self, live: Live, frames: AsyncIterator[bytes], **rest: Any) -> None:
        super().__init__(frames, media_type="text/event-stream", **rest)
        self._live = live

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if not self._live.background:
                await self._live.run.stop()


def frames_of(live: Live, after: int | None = None) -> AsyncIterator[bytes]:
    """The frames of a run, or those behind frame `after`."""
    return stream(live.run, live.frames, live.answer, include_usage=live.include_usage, after=after)


KEEPALIVE_SECONDS = 15.0


KEEPALIVE = b": keep-alive\n\n"


DONE = b"data: [DONE]\n\n"


def numbered(frames: Frames, number: int, data: bytes) -> bytes:
    """A frame with its id: what a client that comes back sends as `Last-Event-ID`."""
    return b"id: %s:%d\n%s" % (frames.id.encode(), number, data)


async def paced(reader: Reader) -> AsyncIterator[Event | None]:
    """Each event of a run; None whenever nothing has come for a while. Raises `EventsDroppedError`."""
    while True:
        try:
            async with asyncio.timeout(KEEPALIVE_SECONDS):
                event = await reader.next()
        except TimeoutError:
            yield None
            continue
        if event is None:
            return
        yield event


async def stream(
    run: Run, frames: Frames, answer: Answer, *, include_usage: bool, after: int | None = None
) -> AsyncIterator[bytes]:
    """All frames of a run, or those behind frame `after`. Closing the generator does not stop the run; its owner does.

    The first frame is number 0, each event has its own number, and the last ones follow. `answer` has taken in all
    events when the run has ended.
    """
    if after is None:
        yield numbered(frames, 0, frames.first())
    reader = run.log.reader(after or 0)
    try:
        async for event in paced(reader):
            if event is None:
                yield KEEPALIVE
            elif (data := frames.event(event)) is not None:
                yield numbered(frames, reader.read, data)
    except EventsDroppedError:
        yield error_frame(gone())
        yield DONE
        return
    last = [error_frame(to_api_error(run.error))] if run.error is not None else [frames.last(answer)]
    if include_usage and run.error is None:
        last.append(frames.usage(answer))
    for number, data in enumerate(last, run.log.length + 1):
        if number > (after or 0):
            yield numbered(frames, number, data)
    yield DONE


def gone() -> ApiError:
    """For a reader whose place in the stream is not kept any more."""
    return ApiError(410, "This part of the stream is not kept any more; read the history.", code="stream_gone")


async def told(run: Run, body: Body, turn: Turn) -> AsyncIterator[bytes]:
    """All frames of a run. Closing the generator does not stop the run; its owner does."""
    numbered, items = Numbered(), Items(body.id, turn.session.id)
    for kind in ("response.created", "response.in_progress"):
        yield numbered.frame({"type": kind, "response": body.begun()})
    try:
        async for event in paced(run.log.reader()):
            if event is None:
                yield KEEPALIVE
                continue
            for one in items.feed(event):
                yield numbered.frame(one)
    except EventsDroppedError:
        yield numbered.frame({"type": "response.failed", "response": body.failed(gone())})
        yield DONE
        return
    if run.error is not None:
        failed = body.failed(to_api_error(run.error), items)
        yield numbered.frame({"type": "response.failed", "response": failed})
    else:
        for one in items.close(turn.note.answer):
            yield numbered.frame(one)
        ended = body.ended(items, turn.note.answer)
        yield numbered.frame({"type": f"response.{ended['status']}", "response": ended})
    yield DONE


class Numbered:
    """Gives each event its number in the stream."""

    def __init__(self) -> None:
        self._next = 0

    def frame(self, event: dict[str, Any]) -> bytes:
        told = {"type": event["type"], "sequence_number": self._next, **event}
        self._next += 1
        data = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        return f"event: {event['type']}\ndata: {data}\n\n".encode()
