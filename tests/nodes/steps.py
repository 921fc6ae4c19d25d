"""A single step: its input, and the events that it emits."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from langchain_core.messages import AIMessage
from langgraph.runtime import Runtime

from llm.scripted import ScriptedChat
from nodes.events import AnswerDelta, Event
from nodes.state import Context, PlanStep, Step
from tools.results import Source

Status = Literal["pending", "running", "done", "failed", "dropped"]


def runtime_of(model: ScriptedChat | None = None, **given: Any) -> tuple[Runtime[Context], list[Event]]:
    """The runtime for a step, and the events that it will write."""
    told: list[Event] = []
    context = Context(model=model or ScriptedChat(), **given)
    return Runtime(context=context, stream_writer=told.append), told


def written(told: Iterable[Event]) -> str:
    """The answer as streamed."""
    return "".join(event.text for event in told if isinstance(event, AnswerDelta))


def answer_of(update: Mapping[str, Any]) -> AIMessage:
    """The answer of a step."""
    answer = update["answer"]
    assert isinstance(answer, AIMessage)
    return answer


def taken(observation: str = "42", error: str | None = None, *sources: Source, tool: str = "python_coder") -> Step:
    """An earlier step."""
    return Step(
        index=1,
        node="tool_call",
        thought="I compute it.",
        tool=tool,
        input="print(6 * 7)",
        observation=observation,
        error=error,
        started_at=0.0,
        duration_ms=1,
        artifacts=[],
        sources=list(sources),
    )


def planned(
    number: int, goal: str, *needs: int, status: Status = "pending", result: str = "", error: str | None = None
) -> PlanStep:
    """A step of a plan."""
    return PlanStep(
        id=number, goal=goal, tool=None, done_when="", needs=list(needs), status=status, result=result, error=error
    )


def source(title: str, text: str) -> Source:
    return Source(kind="file", title=title, url=None, page=1, heading=None, position=None, score=1.0, text=text)
