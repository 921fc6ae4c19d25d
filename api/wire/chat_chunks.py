"""Encodes a run's events as chunks of a streamed `chat.completion`.

Each chunk is complete, with an ID and choices, so that every OpenAI client can read it; the service's own fields are
sent with an empty delta.
"""

import secrets
import time

from api.errors import ApiError
from api.wire.answer import Answer
from api.wire.steps import public_step
from api.wire.types import CalledFunction, Chunk, ChunkChoice, Delta, ToolCall
from nodes.events import AnswerDelta, CallDelta, Event, PlanChanged, StepDone, ThoughtDelta, ToolOutput


def completion_id() -> str:
    return f"chatcmpl-{secrets.token_hex(12)}"


class ChatChunks:
    """The chunks of one completion. Stateless except for its ID: events can be encoded again, from any of them on."""

    def __init__(self, model: str, session_id: str, *, include_usage: bool) -> None:
        self.id = completion_id()
        self.model = model
        self._head: Chunk = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._session_id = session_id
        self._include_usage = include_usage

    def first(self) -> Chunk:
        return {**self._chunk({"role": "assistant", "content": ""}), "x_session_id": self._session_id or None}

    def event(self, event: Event) -> Chunk | None:
        """None for an event that is not sent to clients."""
        match event:
            case ThoughtDelta(text):
                return self._chunk({"reasoning_content": text, "reasoning": text})
            case AnswerDelta(text):
                return self._chunk({"content": text})
            case CallDelta():
                return self._chunk({"tool_calls": [_call(event)]})
            case ToolOutput(text):
                return {**self._chunk({}), "x_agent_output": text}
            case StepDone(step):
                return {**self._chunk({}), "x_agent_step": public_step(self._session_id, step)}
            case PlanChanged(plan):
                return {**self._chunk({}), "x_agent_plan": plan}
            case _:
                return None

    def last(self, answer: Answer) -> list[Chunk]:
        """The chunk with the `finish_reason`, and the usage if requested."""
        cites = answer.annotations()
        delta: Delta = {"annotations": cites} if cites else {}
        session = self._session_id or None
        end = self._chunk(delta, answer.finish_reason)
        end["x_session_id"], end["x_agent_metadata"] = session, answer.metadata()
        usage: Chunk = {**self._head, "choices": [], "usage": answer.usage()}
        return [end, usage] if self._include_usage else [end]

    def error(self, error: ApiError) -> Chunk:
        return {"error": error.body()["error"], "choices": []}

    def _chunk(self, delta: Delta, finish_reason: str | None = None) -> Chunk:
        choice: ChunkChoice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head, "choices": [choice]}


def _call(event: CallDelta) -> ToolCall:
    """ID and name once, then the arguments in pieces."""
    if event.id is None:
        return {"index": event.index, "function": {"arguments": event.arguments}}
    function: CalledFunction = {"name": event.name, "arguments": event.arguments}
    return {"index": event.index, "id": event.id, "type": "function", "function": function}
