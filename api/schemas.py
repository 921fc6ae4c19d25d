"""The wire: what a chat request may say. Unknown fields are ignored, as OpenAI does; known ones that this
service cannot honour are refused by name."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.messages import ChatMessage
from api.wishes import Wishes

AGENT_TYPES = ("auto", "chat", "react", "plan_execute")


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(Wishes):
    """`POST /v1/chat/completions`, JSON or form."""

    model_config = ConfigDict(extra="ignore")

    messages: list[ChatMessage] = Field(min_length=1, max_length=10_000)
    model: str = Field(default="auto", max_length=200)
    agent_type: str | None = None
    session_id: str | None = None
    metadata: dict[str, Any] | None = None
    user: str | None = None
    """Taken and not used, as are `store`, `service_tier`, `prompt_cache_key` and `safety_identifier`."""
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    """How many steps an agent may take: half of the service's limit, the limit, or twice as many."""

    stream: bool = False
    background: bool = False
    """The run goes on when the client goes away."""
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: str | list[str] | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)

    @field_validator("agent_type")
    @classmethod
    def _known_mode(cls, mode: str | None) -> str | None:
        if mode is not None and mode not in AGENT_TYPES:
            raise ValueError(f"unknown agent_type {mode!r}; use one of: {', '.join(AGENT_TYPES)}")
        return mode

    @field_validator("stop")
    @classmethod
    def _few_stops(cls, stop: str | list[str] | None) -> str | list[str] | None:
        if isinstance(stop, list) and len(stop) > 4:
            raise ValueError("at most 4 stop sequences")
        return stop

    @field_validator("messages")
    @classmethod
    def _asks_something(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        last = messages[-1]
        if last.role not in ("user", "tool", "function"):
            raise ValueError("the last message must be the user's, or a tool's result")
        if last.role == "user" and not last.text.strip():
            raise ValueError("the user's message has no text and no file")
        return messages

    @property
    def asked(self) -> str:
        """The person's last words."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def wants_usage(self) -> bool:
        """In a stream."""
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
"""Fields of OpenAI's that change the answer and that we do not honour, with the values that change nothing."""
