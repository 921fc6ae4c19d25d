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
        self._head = {
            "id": completion_id(),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._session_id = session_id

    def chunk(self, delta: dict[str, Any], finish_reason: str | None = None, **extra: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return frame({**self._head, "choices": [choice], **extra})

    def first(self) -> bytes:
        return self.chunk({"role": "assistant", "content": ""}, x_session_id=self._session_id)

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
            delta, answer.finish_reason, x_session_id=self._session_id, x_agent_metadata=answer.metadata()
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


async def stream(run: Run, frames: Frames, answer: Answer, *, include_usage: bool) -> AsyncIterator[bytes]:
    """All frames of a run. Closing the generator does not stop the run; its owner does."""
    yield frames.first()
    while True:
        try:
            async with asyncio.timeout(KEEPALIVE_SECONDS):
                event = await run.next_event()
        except TimeoutError:
            yield KEEPALIVE
            continue
        if event is None:
            break
        if (data := frames.event(answer.feed(event))) is not None:
            yield data
    if run.error is not None:
        yield error_frame(to_api_error(run.error))
    else:
        yield frames.last(answer)
        if include_usage:
            yield frames.usage(answer)
    yield DONE
