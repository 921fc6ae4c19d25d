"""The body of a chat request. Unknown fields are ignored, as in OpenAI's API; known but unsupported ones get an error
that names them.
"""

from functools import cached_property
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from api.errors import bad_request
from api.wire.messages import ChatMessage
from graph import MODES
from llm.errors import SchemaError
from llm.parsing.json_schema import MAX_COUNT, MAX_REPEATED, check_size, check_strict

MAX_TOOLS = 128
NAME = r"^[a-zA-Z0-9_.-]{1,64}$"


def _at_most(most: int) -> AfterValidator:
    def checked(schema: dict[str, Any]) -> dict[str, Any]:
        try:
            check_size(schema, most)
        except SchemaError as error:
            raise ValueError(str(error)) from error
        return schema

    return AfterValidator(checked)


ToolSchema = Annotated[dict[str, Any], _at_most(MAX_COUNT)]
AnswerSchema = Annotated[dict[str, Any], _at_most(MAX_REPEATED)]


class Function(BaseModel):
    name: str = Field(pattern=NAME)
    description: str | None = Field(default=None, max_length=20_000)
    parameters: ToolSchema | None = None
    """A JSON schema of an object; without one, the function has no parameters."""
    strict: bool | None = None


class FunctionTool(BaseModel):
    type: Literal["function"]
    function: Function


class NamedFunction(BaseModel):
    name: str


class NamedTool(BaseModel):
    type: Literal["function"]
    function: NamedFunction


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("(word)")] | Annotated[NamedTool, Tag("(tool)")],
    Discriminator(lambda choice: "(word)" if isinstance(choice, str) else "(tool)"),
]


class NamedSchema(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(pattern=NAME)
    description: str | None = None
    schema_: AnswerSchema | None = Field(default=None, alias="schema")
    strict: bool | None = None

    @model_validator(mode="after")
    def _keeps_the_rules(self) -> "NamedSchema":
        if self.strict and self.schema_ is not None:
            try:
                check_strict(self.schema_)
            except SchemaError as error:
                raise ValueError(f"schema: {error}") from error
        return self


class TextFormat(BaseModel):
    type: Literal["text"]


class ObjectFormat(BaseModel):
    type: Literal["json_object"]


class SchemaFormat(BaseModel):
    type: Literal["json_schema"]
    json_schema: NamedSchema


def _kind_of_format(form: Any) -> str | None:
    kind = form.get("type") if isinstance(form, dict) else getattr(form, "type", None)
    return {"text": "(text)", "json_object": "(object)", "json_schema": "(schema)"}.get(str(kind))


ResponseFormat = Annotated[
    Annotated[TextFormat, Tag("(text)")]
    | Annotated[ObjectFormat, Tag("(object)")]
    | Annotated[SchemaFormat, Tag("(schema)")],
    Discriminator(
        _kind_of_format,
        custom_error_type="unknown_format",
        custom_error_message="the type must be text, json_object or json_schema",
    ),
]


class OutputRequest(BaseModel):
    """Requested output besides text: client tools and the response format."""

    tools: list[FunctionTool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None

    @field_validator("tools")
    @classmethod
    def _named_apart(cls, tools: list[FunctionTool] | None) -> list[FunctionTool] | None:
        names = [tool.function.name for tool in tools or []]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two tools are named {twice!r}")
        return tools

    @cached_property
    def own_tools(self) -> tuple[dict[str, Any], ...]:
        """The client tools that the model may call, in OpenAI's format."""
        given = self.tools if self.tools and self.tool_choice != "none" else []
        return tuple(tool.model_dump(exclude_none=True) for tool in given)

    @property
    def choice(self) -> str | dict[str, Any]:
        chosen = self.tool_choice
        return chosen.model_dump() if isinstance(chosen, NamedTool) else chosen or "auto"

    @property
    def must_call(self) -> bool:
        """Whether `tool_choice` requires a call of a client tool."""
        return bool(self.own_tools) and self.choice != "auto"

    @cached_property
    def wanted_format(self) -> dict[str, Any] | None:
        """None for plain text."""
        if self.response_format is None or isinstance(self.response_format, TextFormat):
            return None
        return self.response_format.model_dump(by_alias=True, exclude_none=True)

    def check_choice(self) -> None:
        """Raise ValueError if `tool_choice` names a missing tool."""
        names = [tool.function.name for tool in self.tools or []]
        if isinstance(self.tool_choice, NamedTool) and self.tool_choice.function.name not in names:
            raise ValueError(f"tool_choice names {self.tool_choice.function.name!r}, which is not in tools")
        if self.tool_choice == "required" and not names:
            raise ValueError("tool_choice is required, but tools is empty")


AGENT_TYPES = tuple(MODES)


def _known_mode(mode: str) -> str:
    if mode not in AGENT_TYPES:
        raise ValueError(f"unknown agent_type {mode!r}; use one of: {', '.join(AGENT_TYPES)}")
    return mode


AgentType = Annotated[str, AfterValidator(_known_mode), WithJsonSchema({"type": "string", "enum": list(AGENT_TYPES)})]


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(OutputRequest):
    """The body of `POST /v1/chat/completions`, from JSON or a form."""

    model_config = ConfigDict(extra="ignore")

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> "ChatRequest":
        """Raises 400 that names the field."""
        for name, harmless in REFUSED.items():
            if fields.get(name) not in harmless:
                raise bad_request(f"{name} is not supported by this service", name, "unsupported_field")
        try:
            chat = cls.model_validate({k: v for k, v in fields.items() if v is not None})
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from error
        try:
            chat.check_choice()
        except ValueError as error:
            raise bad_request(str(error), "tool_choice") from error
        return chat

    messages: list[ChatMessage] = Field(min_length=1, max_length=10_000)
    model: str = Field(default="auto", max_length=200)
    agent_type: AgentType | None = None
    session_id: str | None = None
    metadata: dict[str, Any] | None = None
    user: str | None = None
    """Accepted without effect, as are `store`, `service_tier`, `prompt_cache_key` and `safety_identifier`."""
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    """How many steps an agent may take: half of the service's limit, the limit, or twice the limit."""

    stream: bool = False
    background: bool = False
    """The run continues if the client disconnects."""
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | list[str] | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)

    @field_validator("stop")
    @classmethod
    def _few_stops(cls, stop: str | list[str] | None) -> str | list[str] | None:
        if isinstance(stop, list) and len(stop) > 4:
            raise ValueError("at most 4 stop sequences are allowed")
        return stop

    @field_validator("messages")
    @classmethod
    def _asks_something(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        last = messages[-1]
        if last.role not in ("user", "tool", "function"):
            raise ValueError("the last message must be a user message or a tool result")
        if last.role == "user" and not last.text.strip():
            raise ValueError("the user's message has neither text nor files")
        return messages

    @cached_property
    def asked(self) -> str:
        """The text of the last user message."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def wants_usage(self) -> bool:
        """Only applies to streams."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def token_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens


REFUSED: dict[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "functions": (None, []),
    "function_call": (None, "none", "auto"),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "logit_bias": (None, {}),
    "frequency_penalty": (None, 0),
    "presence_penalty": (None, 0),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "web_search_options": (None,),
    "verbosity": (None, "medium"),
}
"""OpenAI fields that change the answer and are not supported, with the values that have no effect."""
