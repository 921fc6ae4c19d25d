"""The two types that every step sees: `AgentState` is kept, `Context` is given."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NotRequired, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.tools import BaseTool
from pydantic.json_schema import SkipJsonSchema

from nodes.channels import messages_channel
from tools.results import Source
from workspace.library import Library
from workspace.session import SessionWorkspace


class ArtifactRef(TypedDict):
    """A file that the agent made, by its name in the session's folder."""

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
    """What the tool itself answers to the question."""


class Action(TypedDict):
    """What the model wants to be done next."""

    thought: str
    tool: str
    input: str


class Outcome(TypedDict):
    """What became of an action, before it is made into an observation."""

    text: str
    error: str | None
    artifacts: list[ArtifactRef]
    sources: list[Source]
    answer: str | None
    started_at: float
    duration_ms: int


class AgentState(TypedDict, total=False):
    """Kept in the checkpoint; the same for all modes, so that a session can change mode from turn to turn.

    Files are named, never contained. Everything but `messages` belongs to the current turn.
    """

    messages: Annotated[list[AnyMessage], messages_channel()]
    wanted_mode: str
    mode: str
    steps: list[Step]
    action: Action | None
    outcome: Outcome | None
    needed: str
    thoughts: int
    answer_text: str | None
    finish_reason: str
    answer: AIMessage | None


class ModeOutput(TypedDict, total=False):
    """What a mode hands to the top graph: never the history, which would be written anew at every turn."""

    answer: AIMessage | None
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Sampling:
    """The request's own wishes for the answer; None means the backend's default."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use."""

    max_iterations: int = 6
    """Tool calls in one turn."""
    max_thought_tokens: int = 800
    """Tokens of one thought, its program included."""
    tries: int = 3
    """How often an empty reply is asked again."""


@dataclass(frozen=True)
class Context:
    """Given to a run by who starts it; nothing of it is ever stored."""

    model: Annotated[BaseChatModel, SkipJsonSchema()]
    tools: Annotated[Mapping[str, BaseTool], SkipJsonSchema()] = field(default_factory=dict)
    workspace: Annotated[SessionWorkspace | None, SkipJsonSchema()] = None
    library: Annotated[Library | None, SkipJsonSchema()] = None
    describe: Annotated[Callable[[], Awaitable[str]] | None, SkipJsonSchema()] = None
    """A few lines for the model on the files at hand."""
    sampling: Sampling = Sampling()
    limits: Limits = Limits()
    user: str = "local"


Update = dict[str, Any]
"""What a step gives back: the part of `AgentState` that it changes."""
