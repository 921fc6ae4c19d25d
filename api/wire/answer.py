"""Folds events into the answer, for JSON bodies and for the end of streams."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from api.wire.steps import annotations, artifacts, public_sources, public_step, sources_of
from api.wire.types import AgentMetadata, Annotation, CalledFunction, ClientToolsView, ToolCall, Usage
from llm.usage import UsageCounter
from nodes.events import (
    AnswerDelta,
    CallDelta,
    Event,
    Finished,
    PlanChanged,
    Routed,
    StepDone,
    StepsOrdered,
    ThoughtDelta,
    ToolsOffered,
)
from nodes.state import PlanStep, Step, unless_ended


def usage_of(used: UsageCounter) -> Usage:
    """What a counter has counted, in OpenAI's format."""
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens},
    }


@dataclass(slots=True)
class Answer:
    """Accumulates a run's events in order; complete when the run has ended. `usage` is the run's own counter."""

    session_id: str
    _usage: UsageCounter
    continues: bool = False
    """It continues an earlier answer, so that a space at its beginning counts."""
    finish_reason: str = "stop"
    tool_calls: list[ToolCall] = field(default_factory=list)
    """Calls of client tools in OpenAI's format."""
    first_token: float | None = None
    """Time of the answer's first piece, on the monotonic clock. Like `ended`, it is set by the consumer."""
    ended: float | None = None
    _began: float = field(default_factory=time.monotonic)
    _numbered: int = 0
    _text: list[str] = field(default_factory=list)
    _thoughts: list[str] = field(default_factory=list)
    _steps: list[Step] = field(default_factory=list)
    _route: Routed = field(default_factory=lambda: Routed("", ""))
    _plan: list[PlanStep] | None = None
    _tools: ToolsOffered | None = None

    def numbered_from(self, event: StepsOrdered) -> None:
        """The next step is numbered after these."""
        self._numbered = len(event.steps)

    def numbered(self, event: StepDone) -> StepDone:
        """The event with its step numbered within the turn."""
        self._numbered += 1
        step = event.step.copy()
        step["index"] = self._numbered
        return StepDone(step)

    def feed(self, events: Iterable[Event]) -> None:
        """Add events in order."""
        for event in events:
            match event:
                case AnswerDelta(text):
                    self._text.append(text)
                case CallDelta():
                    self._add_call(event)
                case ThoughtDelta(text):
                    self._thoughts.append(text)
                case _:
                    self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case StepDone(step):
                self._steps.append(step)
            case StepsOrdered(steps):
                self._steps = list(steps)
            case Routed():
                self._route = event
            case ToolsOffered():
                self._tools = event
            case PlanChanged(plan):
                self._plan = plan
            case Finished(reason):
                self.finish_reason = reason

    def cut_plan(self) -> PlanChanged | None:
        """The plan of a run that has ended early: what was not complete is cancelled. None if nothing changes."""
        why = "The run ended before this step was complete."
        plan = [unless_ended(step, "cancelled", why) for step in self._plan or []]
        return PlanChanged(plan) if plan != (self._plan or []) else None

    def _add_call(self, piece: CallDelta) -> None:
        if piece.index == len(self.tool_calls):
            function: CalledFunction = {"name": piece.name, "arguments": ""}
            self.tool_calls.append({"id": piece.id, "type": "function", "function": function})
        self.tool_calls[piece.index]["function"]["arguments"] += piece.arguments

    @property
    def text(self) -> str:
        text = "".join(self._text).rstrip()
        return text if self.continues else text.lstrip()

    @property
    def steps(self) -> Sequence[Step]:
        return self._steps

    @property
    def reasoning(self) -> str | None:
        return "".join(self._thoughts).strip() or None

    def usage(self) -> Usage:
        """Tokens of all model calls of this run."""
        return usage_of(self._usage)

    def annotations(self) -> list[Annotation]:
        """The answer's citations; empty if there are none."""
        return annotations(self.text, sources_of(self._steps))

    def _client_tools(self) -> ClientToolsView | None:
        if (told := self._tools) is None:
            return None
        return {"offered": told.offered, "left_out": told.left_out, "reason": told.reason}

    def metadata(self) -> AgentMetadata:
        """`x_agent_metadata`."""
        now, first = self.ended or time.monotonic(), self.first_token
        return {
            "agent_type": self._route.mode,
            "route_reason": self._route.reason,
            "iterations": len(self._steps),
            "llm_calls": self._usage.calls,
            "tools_used": sorted({step["tool"] for step in self._steps}),
            "plan": self._plan,
            "client_tools": self._client_tools(),
            "steps": [public_step(self.session_id, step) for step in self._steps],
            "artifacts": artifacts(self.session_id, self._steps),
            "sources": public_sources(self.text, sources_of(self._steps)),
            "timings": {
                "total_ms": round((now - self._began) * 1000),
                "first_answer_token_ms": None if first is None else round((first - self._began) * 1000),
                "tools_ms": sum(step["duration_ms"] for step in self._steps),
            },
        }
