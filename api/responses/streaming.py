"""A response as typed Server-Sent Events."""

import json
from collections.abc import AsyncIterator
from typing import Any

from api.errors import to_api_error
from api.event_log import EventsDroppedError
from api.responses.body import Body
from api.responses.items import Items
from api.runs import Run
from api.stream import DONE, KEEPALIVE, gone, paced
from api.turns import Turn


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
