"""A step on its own: what it is given, and what it tells while it works."""

from typing import Any

from langgraph.runtime import Runtime

from llm.scripted import ScriptedChat
from nodes.events import Event
from nodes.state import Context, PlanStep, Step
from tools.results import Source


def runtime_of(model: ScriptedChat | None = None, **given: Any) -> tuple[Runtime[Context], list[Event]]:
    """The runtime that a step gets, and the events that it will write."""
    told: list[Event] = []
    context = Context(model=model or ScriptedChat(), **given)
    return Runtime(context=context, stream_writer=told.append), told


def taken(observation: str = "42", error: str | None = None, *sources: Source, tool: str = "python_coder") -> Step:
    """A step that was taken before."""
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


def planned(number: int, goal: str, *needs: int, **more: Any) -> PlanStep:
    step = PlanStep(
        id=number, goal=goal, tool=None, done_when="", needs=list(needs), status="pending", result="", error=None
    )
    return PlanStep(**{**step, **more})


def source(title: str, text: str) -> Source:
    return Source(kind="file", title=title, url=None, page=1, heading=None, position=None, score=1.0, text=text)
