"""One message of a request in OpenAI's format."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from api.wire.added_context import own_words, steady

INSTRUCTIONS = ("system", "developer")
MAX_TEXT = 1_000_000
MAX_PARTS = 1000
MAX_CALLS = 128


class TextPart(BaseModel):
    type: Literal["text", "input_text", "output_text"]
    text: str = Field(max_length=MAX_TEXT)


class RefusalPart(BaseModel):
    type: Literal["refusal"]
    refusal: str = Field(max_length=MAX_TEXT)


class ImageUrl(BaseModel):
    url: str
    """`data:image/…;base64,…` or a public URL."""
    detail: Literal["auto", "low", "high"] = "auto"
    """Accepted without effect: images are scaled to one size (`VISION_MAX_SIDE`)."""


class ImagePart(BaseModel):
    type: Literal["image_url"]
    image_url: ImageUrl


class FileData(BaseModel):
    file_data: str
    """Base64, with or without a `data:` prefix."""
    filename: str | None = None


class FilePart(BaseModel):
    type: Literal["file"]
    file: FileData


def _kind_of_part(part: Any) -> str | None:
    kind = part.get("type") if isinstance(part, dict) else getattr(part, "type", None)
    kinds = {
        **dict.fromkeys(("text", "input_text", "output_text"), "(text)"),
        "refusal": "(refusal)",
        "image_url": "(image)",
        "file": "(file)",
    }
    return kinds.get(str(kind))


# Names in brackets distinguish variants; they are not part of the field name in errors.
Part = Annotated[
    Annotated[TextPart, Tag("(text)")]
    | Annotated[RefusalPart, Tag("(refusal)")]
    | Annotated[ImagePart, Tag("(image)")]
    | Annotated[FilePart, Tag("(file)")],
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


class CalledFunction(BaseModel):
    name: str = Field(min_length=1, max_length=200)
    arguments: str = Field(max_length=MAX_TEXT)
    """A JSON object, as text."""


class MessageCall(BaseModel):
    """A call of a client tool in an assistant message."""

    id: str = Field(min_length=1, max_length=200)
    type: Literal["function"] = "function"
    function: CalledFunction


def _digest(part: ImagePart | FilePart) -> str:
    data = part.image_url.url if isinstance(part, ImagePart) else part.file.file_data
    is_address = isinstance(part, ImagePart) and data[:5].lower() != "data:"
    content = steady(data) if is_address else data[data.find(",") + 1 :]
    return hashlib.sha256(content.encode()).hexdigest()[:32]


class ChatMessage(BaseModel):
    """One message. Images and files in it become session files."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None
    name: str | None = None
    refusal: str | None = Field(default=None, max_length=MAX_TEXT)
    tool_calls: list[MessageCall] | None = Field(default=None, max_length=MAX_CALLS)
    function_call: CalledFunction | None = None
    """The old format: a single call, answered by a message with the role `function`."""
    tool_call_id: str | None = None

    @model_validator(mode="after")
    def _is_text(self) -> "ChatMessage":
        self.text.encode()  # half of a surrogate pair is invalid text; UnicodeEncodeError is a ValueError
        _ = self.attached  # cached now, because it is used often
        return self

    @model_validator(mode="after")
    def _says_what_it_answers(self) -> "ChatMessage":
        if self.role == "tool" and not self.tool_call_id:
            raise ValueError("a message with the role tool needs tool_call_id")
        if self.role == "function" and not self.name:
            raise ValueError("a message with the role function needs the function's name")
        return self

    @cached_property
    def text(self) -> str:
        """Its text. A message with only files gets a default question."""
        text = self._written
        if self.role == "user" and not text.strip() and self.attached:
            pictures = all(isinstance(part, ImagePart) for _, part in self.attached)
            return "What is in this image?" if pictures else "What is in this file?"
        return text

    @property
    def _written(self) -> str:
        if not isinstance(self.content, list):
            return self.content or self.refusal or ""
        texts = [part.text for part in self.content if isinstance(part, TextPart)]
        refusals = [part.refusal for part in self.content if isinstance(part, RefusalPart)]
        return "\n".join(texts or refusals)

    @cached_property
    def words(self) -> str:
        """What the person wrote, without the context that a front end added; empty if there are only files."""
        return own_words(self._written) if self.role == "user" else self._written

    @property
    def question(self) -> str:
        """Its words, or the default question of a message with only files."""
        return self.words if self.words.strip() else self.text

    @cached_property
    def attached(self) -> list[tuple[int, ImagePart | FilePart]]:
        """The images and files among its parts, each with its index."""
        parts = self.content if isinstance(self.content, list) else []
        return [(at, part) for at, part in enumerate(parts) if isinstance(part, (ImagePart, FilePart))]

    @cached_property
    def digests(self) -> list[str]:
        """A digest of each attachment's content, whatever its name and media type."""
        return [_digest(part) for _, part in self.attached]


def with_question_last(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Instructions at the end come before the question; where no question precedes them, the last one is the question.

    A question is a user message or a tool result; an answer at the end is to be continued.
    """
    end = len(messages)
    while end and messages[end - 1].role in INSTRUCTIONS:
        end -= 1
    if end == len(messages):
        return list(messages)
    if end and messages[end - 1].role != "assistant":
        return [*messages[: end - 1], *messages[end:], messages[end - 1]]
    return [*messages[:-1], messages[-1].model_copy(update={"role": "user"})]
