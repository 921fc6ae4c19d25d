"""A run as Server-Sent Events, in frames that every OpenAI client can read.

Each frame is a whole `chat.completion.chunk` with an id and choices; what is ours rides beside an empty delta.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from api.answer import Answer, public_step
from api.errors import ApiError, to_api_error
from api.event_log import EventsDroppedError, Reader
from api.runs import Run
from nodes.events import AnswerDelta, CallDelta, Event, PlanChanged, StepDone, ThoughtDelta, ToolOutput

KEEPALIVE_SECONDS = 15.0
KEEPALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def completion_id() -> str:
    return f"chatcmpl-{secrets.token_hex(12)}"


class Frames:
    """Writes the frames of one completion."""

    def __init__(self, model: str, session_id: str) -> None:
        self.id = completion_id()
        self.model = model
        self._head = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._session_id = session_id

    def chunk(self, delta: dict[str, Any], finish_reason: str | None = None, **extra: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return frame({**self._head, "choices": [choice], **extra})

    def first(self) -> bytes:
        return self.chunk({"role": "assistant", "content": ""}, x_session_id=self._session_id or None)

    def event(self, event: Event) -> bytes | None:
        match event:
            case ThoughtDelta(text):
                return self.chunk({"reasoning_content": text, "reasoning": text})
            case AnswerDelta(text):
                return self.chunk({"content": text})
            case CallDelta():
                return self.chunk({"tool_calls": [call_piece(event)]})
            case ToolOutput(text):
                return self.chunk({}, x_agent_output=text)
            case StepDone(step):
                return self.chunk({}, x_agent_step=public_step(self._session_id, step))
            case PlanChanged(plan):
                return self.chunk({}, x_agent_plan=plan)
            case _:
                return None

    def last(self, answer: Answer) -> bytes:
        cites = answer.annotations()
        delta = {"annotations": cites} if cites else {}
        return self.chunk(
            delta, answer.finish_reason, x_session_id=self._session_id or None, x_agent_metadata=answer.metadata()
        )

    def usage(self, answer: Answer) -> bytes:
        return frame({**self._head, "choices": [], "usage": answer.usage()})


def call_piece(event: CallDelta) -> dict[str, Any]:
    """Id and name once, then the arguments in pieces."""
    if event.id is None:
        return {"index": event.index, "function": {"arguments": event.arguments}}
    function = {"name": event.name, "arguments": event.arguments}
    return {"index": event.index, "id": event.id, "type": "function", "function": function}


def frame(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def error_frame(error: ApiError) -> bytes:
    return frame({**error.body(), "choices": []})


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
