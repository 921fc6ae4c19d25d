"""The frames of a streamed `chat.completion`: each is a whole chunk, with an id and choices, that every OpenAI client
can read. What is ours rides beside an empty delta.
"""

import json
import secrets
import time
from typing import Any

from api.errors import ApiError
from api.wire.answer import Answer
from api.wire.steps import public_step
from nodes.events import AnswerDelta, CallDelta, Event, PlanChanged, StepDone, ThoughtDelta, ToolOutput


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
