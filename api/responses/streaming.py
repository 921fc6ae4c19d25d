"""A response as typed Server-Sent Events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.errors import to_api_error
from api.event_log import EventsDroppedError
from api.responses.body import Body
from api.responses.items import Items
from api.runs import Run
from api.stream import DONE, KEEPALIVE, KEEPALIVE_SECONDS, gone
from api.streams import Live
from api.turns import Turn


class ResponseStream(StreamingResponse):
    """When it has been sent, or cannot be, the run ends too, unless it is one in the background."""

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


async def told(run: Run, body: Body, turn: Turn) -> AsyncIterator[bytes]:
    """All frames of a run. Closing the generator does not stop the run; its owner does."""
    numbered, items = Numbered(), Items(body.id, turn.session.id)
    for kind in ("response.created", "response.in_progress"):
        yield numbered.frame({"type": kind, "response": body.begun()})
    reader = run.log.reader()
    while True:
        try:
            async with asyncio.timeout(KEEPALIVE_SECONDS):
                event = await reader.next()
        except TimeoutError:
            yield KEEPALIVE
            continue
        except EventsDroppedError:
            yield numbered.frame({"type": "response.failed", "response": body.failed(gone())})
            yield DONE
            return
        if event is None:
            break
        for one in items.feed(event):
            yield numbered.frame(one)
    if run.error is not None:
        failed = body.failed(to_api_error(run.error))
        yield numbered.frame({"type": "response.failed", "response": {**failed, "output": items.output}})
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
