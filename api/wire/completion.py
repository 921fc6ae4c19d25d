"""Events → the answer: one fold, used for JSON bodies and at the end of streams."""

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from api.wire.chunks import completion_id
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
from nodes.react.grounding import CITATION, cited
from nodes.state import PlanStep, Step
from tools.results import Source
from workspace.folder import FileInfo


def sources_of(steps: Sequence[Step]) -> list[Source]:
    """The sources of a run in the order of their numbers, which count from 1."""
    return [source for step in steps for source in step["sources"]]


def public_sources(text: str, sources: Sequence[Source]) -> list[dict[str, Any]]:
    """`x_agent_metadata.sources`: each with its number and whether the answer cites it."""
    used = set(cited(text, len(sources)))
    return [{"index": at, "cited": at in used, **source} for at, source in enumerate(sources, start=1)]


def annotations(text: str, sources: Sequence[Source]) -> list[dict[str, Any]]:
    """One annotation for each `[n]` in the answer: `url_citation` for pages, `file_citation` for documents."""
    found = []
    for mark in CITATION.finditer(text):
        number = int(mark.group(1))
        if 1 <= number <= len(sources):
            found.append(_annotation(sources[number - 1], number, mark.start(), mark.end()))
    return found


def _annotation(source: Source, number: int, start: int, end: int) -> dict[str, Any]:
    where = {"start_index": start, "end_index": end}
    if source["kind"] == "web":
        return {"type": "url_citation", "url_citation": {**where, "title": source["title"], "url": source["url"]}}
    return {
        "type": "file_citation",
        "file_citation": {
            **where,
            "index": number,
            "filename": source["title"],
            "page": source["page"],
            "heading": source["heading"],
            "url": source["url"],
        },
    }


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


def artifact_url(session_id: str, name: str) -> str:
    return f"/api/conversations/{quote(session_id)}/artifacts/{quote(name)}"


def public_artifact(session_id: str, file: FileInfo) -> dict[str, Any]:
    """A file of a session as every route shows it."""
    return {
        "filename": file.name,
        "url": artifact_url(session_id, file.name),
        "mime": file.mime,
        "bytes": file.bytes,
    }


def artifacts(session_id: str, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """All files of the steps, each once, as it was last."""
    latest = {ref["filename"]: ref for step in steps for ref in step["artifacts"]}
    return [public_artifact(session_id, FileInfo(name, ref["bytes"], ref["mime"])) for name, ref in latest.items()]


def public_step(session_id: str, step: Step) -> dict[str, Any]:
    return {**step, "artifacts": artifacts(session_id, [step])}


def completion(answer: Answer, model: str) -> dict[str, Any]:
    """An OpenAI `chat.completion` with our two keys beside it."""
    content = answer.text or (None if answer.tool_calls else "")
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if answer.tool_calls:
        message["tool_calls"] = answer.tool_calls
    if answer.reasoning:
        message |= {"reasoning_content": answer.reasoning, "reasoning": answer.reasoning}
    if cites := answer.annotations():
        message["annotations"] = cites
    return {
        "id": completion_id(),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}],
        "usage": answer.usage(),
        "x_session_id": answer.session_id or None,
        "x_agent_metadata": answer.metadata(),
    }
