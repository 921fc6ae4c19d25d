"""Server-Sent Events: streams a run as text while its client is connected."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.runs.event_log import EventsDroppedError, WireLog
from api.runs.live import LiveRun, Numbered
from api.runs.run import Run

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
DONE = b"data: [DONE]\n\n"
_DUMP = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class CommentLine(ServerSentEvent):
    """A comment without an empty line after it: to openai-python, which keeps the ID of the last event, such a line is
    the end of an event without data, and an error.
    """

    @override
    def encode(self) -> bytes:
        return b": keep-alive\n"


class EventStream(EventSourceResponse):
    """Sends pieces of text as they come, and a comment every `keepalive` seconds."""

    def __init__(self, pieces: AsyncIterator[bytes], headers: Mapping[str, str], keepalive: float) -> None:
        super().__init__(pieces, headers=headers, ping=keepalive, ping_message_factory=CommentLine, sep="\n")

    @staticmethod
    @override
    async def _listen_for_exit_signal() -> None:
        """Not needed: our server ends the runs before it stops, and thereby their streams, each with its error.

        The library's version would cut them off at once, and keep polling for the signal twice a second.
        """
        await asyncio.Event().wait()


class RunResponse(EventStream):
    """Streams a run. When the stream ends or fails, the run ends too, unless it is a background run."""

    def __init__(
        self,
        run: Run,
        pieces: AsyncIterator[bytes],
        headers: Mapping[str, str],
        keepalive: float,
        *,
        background: bool = False,
    ) -> None:
        super().__init__(pieces, headers, keepalive)
        self._run = run
        self._background = background

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if not self._background:
                await self._run.stop()


async def chat_pieces(live: LiveRun, after: int | None = None) -> AsyncIterator[bytes]:
    """A run as chunks of Chat Completions, or those after number `after`."""
    async for chunks in live.stream(after):
        yield chat_text(live.chunks.id, chunks)
    yield DONE


def chat_text(completion_id: str, chunks: Iterable[Numbered]) -> bytes:
    """Each chunk with its ID, which a returning client sends as `Last-Event-ID`."""
    return "".join([f"{_id(completion_id, number)}data: {_DUMP(chunk)}\n\n" for number, chunk in chunks]).encode()


def _id(completion_id: str, number: int | None) -> str:
    return "" if number is None else f"id: {completion_id}:{number}\n"


def data_text(chunks: Iterable[Mapping[str, Any]]) -> bytes:
    """Each chunk without an ID: the stream cannot be resumed."""
    return "".join([f"data: {_DUMP(chunk)}\n\n" for chunk in chunks]).encode()


async def typed_pieces(log: WireLog, dropped: Callable[[], Sequence[dict[str, Any]]]) -> AsyncIterator[bytes]:
    """Typed events, as in Responses; `dropped` if the next ones are no longer kept."""
    reader = log.reader()
    try:
        while events := await reader.next():
            yield typed_text(events)
    except EventsDroppedError:
        yield typed_text(dropped())
    yield DONE


def typed_text(events: Iterable[dict[str, Any]]) -> bytes:
    return "".join([f"event: {event['type']}\ndata: {_DUMP(event)}\n\n" for event in events]).encode()
