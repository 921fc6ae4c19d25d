"""Types of Chat Completions responses: OpenAI's fields, and the service's own (`x_…`)."""

from collections.abc import Mapping
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from nodes.state import PlanStep
from tools.results import Source


class CalledFunction(TypedDict):
    name: NotRequired[str | None]
    arguments: str


class ToolCall(TypedDict):
    """A call of a client tool. In a stream, `id`, `type` and the name come once, the arguments in pieces."""

    index: NotRequired[int]
    id: NotRequired[str | None]
    type: NotRequired[Literal["function"]]
    function: CalledFunction


class CachedTokens(TypedDict):
    cached_tokens: int


class Usage(TypedDict):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens


class UrlCitation(TypedDict):
    start_index: int
    end_index: int
    title: str
    url: str | None


class FileCitation(TypedDict):
    start_index: int
    end_index: int
    index: int
    filename: str
    page: int | None
    heading: str | None
    url: str | None


class Annotation(TypedDict):
    """`[n]` in the answer; only the field named by `type` is present."""

    type: Literal["url_citation", "file_citation"]
    url_citation: NotRequired[UrlCitation]
    file_citation: NotRequired[FileCitation]


class PublicArtifact(TypedDict):
    """A file of a session."""

    filename: str
    url: str
    mime: str
    bytes: int


class PublicStep(TypedDict):
    """One thought, tool call and observation. `started_at` is in seconds since the epoch."""

    index: int
    node: str
    thought: str
    tool: str
    input: str
    observation: str
    error: str | None
    started_at: float
    duration_ms: int
    artifacts: list[PublicArtifact]
    sources: list[Source]
    answer: NotRequired[str]
    plan_step: NotRequired[int]


class PublicSource(Source):
    """A source with its number, and whether the answer cites it."""

    index: int
    cited: bool


class ClientToolsView(TypedDict):
    """Which of the request's tools the model could call, by name, and why the others were left out."""

    offered: list[str]
    left_out: list[str]
    reason: str | None


class Timings(TypedDict):
    total_ms: int
    first_answer_token_ms: int | None
    tools_ms: int


class AgentMetadata(TypedDict):
    """`x_agent_metadata`."""

    agent_type: str
    route_reason: str
    iterations: int
    llm_calls: int
    tools_used: list[str]
    plan: list[PlanStep] | None
    client_tools: ClientToolsView | None
    """None if the request has no tools."""
    steps: list[PublicStep]
    artifacts: list[PublicArtifact]
    sources: list[PublicSource]
    timings: Timings


class Message(TypedDict):
    role: Literal["assistant"]
    content: str | None
    refusal: None
    tool_calls: NotRequired[list[ToolCall]]
    reasoning_content: NotRequired[str]
    reasoning: NotRequired[str]
    annotations: NotRequired[list[Annotation]]


class Choice(TypedDict):
    index: int
    message: Message
    logprobs: None
    finish_reason: str


class Completion(TypedDict):
    """`chat.completion`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    x_session_id: str | None
    x_agent_metadata: AgentMetadata


class Delta(TypedDict, total=False):
    role: Literal["assistant"]
    content: str
    reasoning_content: str
    reasoning: str
    tool_calls: list[ToolCall]
    annotations: list[Annotation]


class ChunkChoice(TypedDict):
    index: int
    delta: Delta
    logprobs: None
    finish_reason: str | None


class Chunk(TypedDict, total=False):
    """`chat.completion.chunk`, or an error: every frame has `choices`."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage
    error: Mapping[str, str | None]
    x_session_id: str | None
    x_agent_metadata: AgentMetadata
    x_agent_step: PublicStep
    x_agent_output: str
    x_agent_plan: list[PlanStep]
