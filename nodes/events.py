"""Events that a run emits while it works, written to LangGraph's custom stream."""

from dataclasses import dataclass

from nodes.state import PlanStep, Step


@dataclass(frozen=True, slots=True)
class Routed:
    """The mode that answers this turn, and why."""

    mode: str
    reason: str


@dataclass(frozen=True, slots=True)
class ToolsOffered:
    """Which client tools the model may call in this turn; the latest event counts."""

    offered: list[str]
    left_out: list[str]
    reason: str | None
    """Why tools were left out; None if none were."""


@dataclass(frozen=True, slots=True)
class ThoughtDelta:
    """A piece of the thoughts, as a person reads them."""

    text: str
    plan_step: int | None = None
    """The step of the plan that it belongs to."""


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """A piece of a call of a client tool: the first has `id` and `name`, the others more of the arguments' JSON."""

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool prints while it runs."""

    text: str


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step is finished."""

    step: Step


@dataclass(frozen=True, slots=True)
class PlanChanged:
    """The current plan."""

    plan: list[PlanStep]


@dataclass(frozen=True, slots=True)
class PlanStepEnded:
    """A step of the plan has no more thoughts."""

    plan_step: int


@dataclass(frozen=True, slots=True)
class StepsOrdered:
    """All steps so far in the order in which their sources are numbered: after parallel ones, or after those of earlier
    requests of the turn.
    """

    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete. `reason` is OpenAI's: stop, length or tool_calls."""

    reason: str


Event = (
    Routed
    | ToolsOffered
    | ThoughtDelta
    | AnswerDelta
    | CallDelta
    | ToolOutput
    | StepDone
    | PlanChanged
    | PlanStepEnded
    | StepsOrdered
    | Finished
)
