"""The two types that every step sees: `AgentState` is stored, `Context` is passed in."""

import operator
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, NotRequired

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, ToolCall
from langchain_core.tools import BaseTool
from pydantic import ConfigDict
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from llm.usage import UsageCounter
from nodes.channels import messages_channel
from nodes.settings import AgentSettings
from tools.coding.settings import CodingSettings
from tools.results import Source
from workspace.library import Library
from workspace.session import SessionWorkspace


class ArtifactRef(TypedDict):
    """A file that the agent created, by its name in the session's folder."""

    filename: str
    mime: str
    bytes: int


class Step(TypedDict):
    """One finished step of a run. `started_at` is in seconds since the epoch."""

    index: int
    node: str
    thought: str
    tool: str
    input: str
    observation: str
    error: str | None
    started_at: float
    duration_ms: int
    artifacts: list[ArtifactRef]
    sources: list[Source]
    answer: NotRequired[str]
    """The tool's own answer to the question."""
    plan_step: NotRequired[int]
    """The step of the plan that it belongs to."""


PlanStatus = Literal["pending", "running", "done", "failed", "dropped", "skipped", "cancelled"]
"""`dropped`: replaced by a new plan. `skipped`: never begun, for the reason in `error`. `cancelled`: the run ended.
"""


class PlanStep(TypedDict):
    """One step of a plan. `needs` are the IDs of the steps whose results it uses."""

    id: int
    goal: str
    tool: str | None
    done_when: str
    needs: list[int]
    status: PlanStatus
    result: str
    error: str | None


def unless_ended(step: PlanStep, status: PlanStatus, why: str) -> PlanStep:
    """The step with this status and error, unless it has ended."""
    if step["status"] not in ("pending", "running"):
        return step
    copy = step.copy()
    copy["status"], copy["error"] = status, why
    return copy


class Finding(TypedDict):
    """The result of one step of a plan."""

    step: int
    text: str
    error: str | None
    steps: list[Step]


class Action(TypedDict):
    """The model's next action."""

    thought: str
    tool: str
    input: str


class Outcome(TypedDict):
    """The outcome of an action, before it becomes an observation."""

    text: str
    error: str | None
    artifacts: list[ArtifactRef]
    sources: list[Source]
    answer: str | None
    started_at: float
    duration_ms: int


class AgentState(TypedDict, total=False):
    """Stored in the checkpoint; the same for all modes, so that a session can change its mode from turn to turn.

    Files are referenced by name, never included. Everything except `messages`, and the `summaries` of the first
    `condensed` of them, belongs to the current turn. `offered` has the names of the client tools that the model may
    call in it, `calls` the calls of them that end an agent's run. `answer_id` is the ID of the model's message
    with the answer, None if it was not the model that wrote it.
    """

    messages: Annotated[list[AnyMessage], messages_channel()]
    wanted_mode: str
    mode: str
    steps: list[Step]
    action: Action | None
    outcome: Outcome | None
    offered: list[str]
    calls: list[ToolCall]
    needed: str
    thoughts: int
    answer_text: str | None
    answer_id: str | None
    spoken: str
    finish_reason: str
    answer: AIMessage | None
    plan: list[PlanStep]
    replans: int
    summaries: list[str]
    condensed: int


class PlanState(AgentState, total=False):
    """Additional state of `plan_execute`: the findings of parallel steps."""

    findings: Annotated[list[Finding], operator.add]


class ModeOutput(TypedDict, total=False):
    """What a mode returns to the top graph: never the history, which would be rewritten at every turn."""

    answer: AIMessage | None
    steps: list[Step]
    plan: list[PlanStep]


@dataclass(frozen=True, slots=True)
class Sampling:
    """The request's options for the answer; None means the backend's default."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientTools:
    """Tools that the client runs itself: the turn ends with their calls, the next one begins with their results."""

    tools: tuple[dict[str, Any], ...] = ()
    """In OpenAI's format."""
    choice: str | dict[str, Any] = "auto"
    parallel: bool = True


WINDOW = 8192
"""Context window in tokens of a model that does not report it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one run."""

    max_iterations: int = AgentSettings().react_max_iterations
    """Tool calls in one turn."""
    max_mends: int = CodingSettings().max_iterations
    """How often in a row a failed program is fixed or rewritten."""
    max_needs: int = 2
    """How often a turn computes again because the output lacks something."""
    max_step_iterations: int = 4
    """Tool calls in one step of a plan."""
    max_replans: int = 2
    """How often a plan is revised."""
    max_thought_tokens: int = 800
    """Tokens of one thought, including its program."""
    window: int = WINDOW
    """The model's context window in tokens."""
    tries: int = 3
    """How often an empty reply is retried."""


@dataclass(slots=True)
class Budget:
    """The budget of one run, shared by its plan's steps; `usage` has what was used."""

    settings: AgentSettings = field(default_factory=AgentSettings)
    usage: UsageCounter = field(default_factory=UsageCounter)
    """A callback: the caller of a graph passes it in the config."""
    began: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> bool:
        """Whether it is time to answer with what there is."""
        most, used = self.settings, self.usage
        late = time.monotonic() - self.began >= most.run_max_seconds
        return late or used.calls >= most.run_max_calls or used.tokens >= most.run_max_tokens


@dataclass(frozen=True)
class Context:
    """Passed to a run by its caller; never stored."""

    # So that a schema can be generated: live objects are excluded from it.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    model: Annotated[BaseChatModel, SkipJsonSchema()]
    coder: Annotated[BaseChatModel | None, SkipJsonSchema()] = None
    """A model that writes programs better; None: `model` writes them."""
    tools: Annotated[Mapping[str, BaseTool], SkipJsonSchema()] = field(default_factory=dict)
    workspace: Annotated[SessionWorkspace | None, SkipJsonSchema()] = None
    library: Annotated[Library | None, SkipJsonSchema()] = None
    describe: Annotated[Callable[[], Awaitable[str]] | None, SkipJsonSchema()] = None
    """A short description of the available files for the model."""
    sampling: Sampling = Sampling()
    system: tuple[str, ...] | None = None
    """The system messages of a client that sends the complete conversation; None: those of the conversation."""
    instructions: str = ""
    """The client's instructions for this turn only; permanent ones are system messages."""
    client_tools: ClientTools = ClientTools()
    continued: str | None = None
    """The answer that this turn continues; None: it gives a new one."""
    response_format: dict[str, Any] | None = None
    """In OpenAI's format, if the answer must be JSON."""
    limits: Limits = Limits()
    protocol: Literal["text", "native"] = "text"
    """How the model calls tools: as text (`nodes/react/text_protocol.py`), or with its backend's tool calling."""
    budget: Annotated[Budget, SkipJsonSchema()] = field(default_factory=Budget)
    user: str = "local"
    plan_step: int | None = None
    """Set while a step of a plan is executed: its answer is a thought of the turn."""
