"""The wire: what a chat request may say. Unknown fields are ignored, as OpenAI does; known ones that this
service cannot honour are refused by name."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

AGENT_TYPES = ("auto", "chat", "react", "plan_execute")
MAX_TEXT = 1_000_000
MAX_PARTS = 1000


class StreamOptions(BaseModel):
    include_usage: bool = False


class TextPart(BaseModel):
    type: Literal["text", "input_text"]
    text: str = Field(max_length=MAX_TEXT)


class ImageUrl(BaseModel):
    url: str
    """`data:image/…;base64,…`, or an address of the public web."""
    detail: Literal["auto", "low", "high"] = "auto"
    """Taken and not used: images are scaled to one size (`VISION_MAX_SIDE`)."""


class ImagePart(BaseModel):
    type: Literal["image_url"]
    image_url: ImageUrl


class FileData(BaseModel):
    file_data: str
    """Base64, alone or in a `data:` address."""
    filename: str | None = None


class FilePart(BaseModel):
    type: Literal["file"]
    file: FileData


def _kind_of_part(part: Any) -> str | None:
    kind = part.get("type") if isinstance(part, dict) else getattr(part, "type", None)
    return {"text": "(text)", "input_text": "(text)", "image_url": "(image)", "file": "(file)"}.get(str(kind))


# Names in brackets tell kinds apart; they are no part of the field's name that an error tells.
Part = Annotated[
    Annotated[TextPart, Tag("(text)")] | Annotated[ImagePart, Tag("(image)")] | Annotated[FilePart, Tag("(file)")],
    Discriminator(
        _kind_of_part,
        custom_error_type="unknown_part",
        custom_error_message="the type of a part must be text, image_url or file",
    ),
]
Content = Annotated[
    Annotated[str, Field(max_length=MAX_TEXT), Tag("(text)")]
    | Annotated[list[Part], Field(max_length=MAX_PARTS), Tag("(parts)")],
    Discriminator(lambda content: "(parts)" if isinstance(content, list) else "(text)"),
]


class ChatMessage(BaseModel):
    """One message. Images and files in it become files of the session."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Content | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _is_text(self) -> "ChatMessage":
        self.text.encode()  # half of a surrogate pair is no text; UnicodeEncodeError is a ValueError
        return self

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if isinstance(part, TextPart))
        return self.content or ""

    @property
    def attached(self) -> list[tuple[int, ImagePart | FilePart]]:
        """The images and files among its parts, each with its place."""
        parts = self.content if isinstance(self.content, list) else []
        return [(at, part) for at, part in enumerate(parts) if not isinstance(part, TextPart)]


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
        if messages and messages[-1].role != "user":
            raise ValueError("the last message must be the user's")
        if messages and not messages[-1].text.strip():
            raise ValueError("the user's message has no text")
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
