"""Events → the answer: one fold, for JSON bodies and for the end of streams."""

import time
from collections.abc import Sequence
from typing import Any

from api.wire.steps import annotations, artifacts, public_sources, public_step, sources_of
from nodes.events import (
    AnswerDelta,
    CallDelta,
    Event,
    Finished,
    ModelCalled,
    PlanChanged,
    Routed,
    StepDone,
    StepsOrdered,
    ThoughtDelta,
)
from nodes.state import PlanStep, Step


class Answer:
    """Feed it a run's events in order."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.finish_reason = "stop"
        self._began = time.monotonic()
        self._first_token: float | None = None
        self._ended: float | None = None
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._steps: list[Step] = []
        self._route = Routed("", "")
        self._calls: list[ModelCalled] = []
        self._plan: list[PlanStep] | None = None
        self.tool_calls: list[dict[str, Any]] = []
        """Calls of the client's tools, as OpenAI writes them."""

    def feed(self, event: Event) -> Event:
        """Takes the event in, and gives it back as it is to be told: a run's steps are numbered through."""
        match event:
            case AnswerDelta(text):
                self._first_token = self._first_token or time.monotonic()
                self._text.append(text)
            case CallDelta():
                self._add_call(event)
            case ThoughtDelta(text):
                self._thoughts.append(text)
            case StepDone(step):
                step = step.copy()
                step["index"] = len(self._steps) + 1
                self._steps.append(step)
                return StepDone(step)
            case StepsOrdered(steps):
                self._steps = list(steps)
            case Routed():
                self._route = event
            case PlanChanged(plan):
                self._plan = plan
            case ModelCalled():
                self._calls.append(event)
            case Finished(reason):
                self.finish_reason = reason
                self._ended = time.monotonic()
        return event

    def _add_call(self, piece: CallDelta) -> None:
        if piece.index == len(self.tool_calls):
            function = {"name": piece.name, "arguments": ""}
            self.tool_calls.append({"id": piece.id, "type": "function", "function": function})
        self.tool_calls[piece.index]["function"]["arguments"] += piece.arguments

    @property
    def text(self) -> str:
        return "".join(self._text).strip()

    @property
    def steps(self) -> Sequence[Step]:
        return self._steps

    @property
    def reasoning(self) -> str | None:
        return "".join(self._thoughts).strip() or None

    def usage(self) -> dict[str, Any]:
        """Tokens of all model calls of this run together."""
        read = sum(call.input_tokens for call in self._calls)
        written = sum(call.output_tokens for call in self._calls)
        cached = sum(call.cached_tokens for call in self._calls)
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": cached},
        }

    def annotations(self) -> list[dict[str, Any]]:
        """The answer's citations; empty when it has none."""
        return annotations(self.text, sources_of(self._steps))

    def metadata(self) -> dict[str, Any]:
        """`x_agent_metadata`."""
        now = self._ended or time.monotonic()
        return {
            "agent_type": self._route.mode,
            "route_reason": self._route.reason,
            "iterations": len(self._steps),
            "llm_calls": len(self._calls),
            "tools_used": sorted({step["tool"] for step in self._steps}),
            "plan": self._plan,
            "steps": [public_step(self.session_id, step) for step in self._steps],
            "artifacts": artifacts(self.session_id, self._steps),
            "sources": public_sources(self.text, sources_of(self._steps)),
            "timings": {
                "total_ms": round((now - self._began) * 1000),
                "first_answer_token_ms": self._first_token and round((self._first_token - self._began) * 1000),
                "tools_ms": sum(step["duration_ms"] for step in self._steps),
            },
        }
