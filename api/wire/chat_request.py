"""The body of a chat request. Unknown fields are ignored, as in OpenAI's API; known but unsupported ones get an error
that names them.
"""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from api.errors import bad_request
from api.wire.body import short_stops, validated
from api.wire.messages import INSTRUCTIONS, ChatMessage, with_question_last
from api.wire.output_request import OutputRequest
from graph import MODES

AGENT_TYPES = tuple(MODES)
Penalty = Annotated[float, Field(ge=-2, le=2)]
Verbosity = Literal["low", "medium", "high"]


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
        chat = validated(cls, fields, REFUSED)
        try:
            chat.check_choice()
        except ValueError as error:
            raise bad_request(str(error), "tool_choice") from error
        try:
            chat.check_continuation()
        except ValueError as error:
            raise bad_request(str(error), "messages") from error
        return chat

    _continued: str | None = PrivateAttr(default=None)
    messages: list[ChatMessage] = Field(min_length=1, max_length=10_000)
    model: str = Field(default="auto", max_length=200)
    agent_type: AgentType | None = None
    session_id: str | None = None
    chat_id: str | None = None
    """A front end's own ID of the chat whose messages these are; also `X-OpenWebUI-Chat-Id` and similar headers."""
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
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    verbosity: Verbosity | None = None
    """How long the answer should be; the model is told so."""
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | list[str] | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)

    @field_validator("stop")
    @classmethod
    def _few_stops(cls, stop: str | list[str] | None) -> str | list[str] | None:
        if isinstance(stop, list) and len(stop) > 4:
            raise ValueError("at most 4 stop sequences are allowed")
        return None if stop is None else short_stops(stop)

    @field_validator("messages")
    @classmethod
    def _asks_something(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        messages = with_question_last(messages)
        last = messages[-1]
        if not last.text.strip() and last.role not in ("tool", "function"):
            raise ValueError(f"the last message, of the role {last.role}, has neither text nor files")
        if last.role == "assistant" and (last.tool_calls or last.function_call):
            raise ValueError("the last message has calls of tools; send their results")
        return messages

    @model_validator(mode="after")
    def _separates_the_answer(self) -> "ChatRequest":
        if self.messages[-1].role == "assistant":
            self._continued = self.messages.pop().text
        return self

    def check_continuation(self) -> None:
        """Raise ValueError if the answer at the end of the request cannot be continued."""
        if self.continued is None:
            return
        if self.session_id is None and all(message.role in INSTRUCTIONS for message in self.messages):
            raise ValueError("messages: there is no question before the answer that is to be continued")
        if self.must_call or self.wanted_format is not None:
            raise ValueError("messages: an answer can only be continued without a required call and a response format")

    @property
    def continued(self) -> str | None:
        """The answer at the end of the request, which is to be continued; it is not in `messages`."""
        return self._continued

    @cached_property
    def asked(self) -> str:
        """What the person wrote in the last user message."""
        return next((message.question for message in reversed(self.messages) if message.role == "user"), "")

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
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "web_search_options": (None,),
}
"""OpenAI fields that change the answer and are not supported, with the values that have no effect."""
