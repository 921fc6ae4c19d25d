"""The wire: what a chat request may say. Unknown fields are ignored, as OpenAI does; known ones that this
service cannot honour are refused by name."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

AGENT_TYPES = ("auto", "chat", "react", "plan_execute")
MAX_TEXT = 1_000_000


class StreamOptions(BaseModel):
    include_usage: bool = False


class TextPart(BaseModel):
    type: Literal["text"]
    text: str = Field(max_length=MAX_TEXT)


class ChatMessage(BaseModel):
    """One message. Only text content for now."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart] | None = None
    name: str | None = None

    @field_validator("content")
    @classmethod
    def _short_enough(cls, content: str | list[TextPart] | None) -> str | list[TextPart] | None:
        if isinstance(content, str) and len(content) > MAX_TEXT:
            raise ValueError(f"a message holds at most {MAX_TEXT} characters")
        return content

    @model_validator(mode="after")
    def _is_text(self) -> "ChatMessage":
        self.text.encode()  # half of a surrogate pair is no text; UnicodeEncodeError is a ValueError
        return self

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class ChatRequest(BaseModel):
    """`POST /v1/chat/completions`, JSON or form."""

    model_config = ConfigDict(extra="ignore")

    messages: list[ChatMessage] = Field(min_length=1, max_length=10_000)
    model: str = Field(default="auto", max_length=200)
    agent_type: str | None = None
    session_id: str | None = None
    metadata: dict[str, Any] | None = None
    user: str | None = None

    stream: bool = False
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
        if messages and messages[-1].role != "user":
            raise ValueError("the last message must be the user's")
        if messages and not messages[-1].text.strip():
            raise ValueError("the user's message is empty")
        return messages

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def token_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens


REFUSED: dict[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
    "functions": (None, []),
    "function_call": (None, "none", "auto"),
    "response_format": (None, {"type": "text"}),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "logit_bias": (None, {}),
    "frequency_penalty": (None, 0),
    "presence_penalty": (None, 0),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "web_search_options": (None,),
}
"""Fields of OpenAI's that change the answer and that we do not honour, with the values that change nothing."""
