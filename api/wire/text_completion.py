"""`/v1/completions`, OpenAI's older API for plain text: the request, and the completion and its chunks."""

import secrets
import time
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from api.errors import ApiError
from api.wire.body import short_stops, validated
from api.wire.chat_request import Penalty, StreamOptions
from api.wire.types import Usage

MAX_CHOICES = 16
"""Choices of one request: its prompts times `n`."""
MAX_TEXT = 1_000_000
REFUSED: dict[str, tuple[Any, ...]] = {
    "logprobs": (None,),
    "logit_bias": (None, {}),
    "best_of": (None, 1),
}
"""Unsupported fields, with the values that have no effect."""


def _with_nulls(schema: dict[str, Any]) -> None:
    """Every field may be null, which means its default."""
    fields = schema["properties"]
    for name, field in fields.items():
        if {"type": "null"} not in field.get("anyOf", ()):
            told = {key: field.pop(key) for key in ("title", "description", "default") if key in field}
            fields[name] = {**told, "anyOf": [field, {"type": "null"}]}


class TextCompletionRequest(BaseModel):
    """The body of `POST /v1/completions`."""

    model_config = ConfigDict(extra="ignore", json_schema_extra=_with_nulls)

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> "TextCompletionRequest":
        """Raises 400 that names the field."""
        return validated(cls, fields, REFUSED, strict=True)

    prompt: str | list[str] = ""
    """One text, or several; each gets `n` choices."""
    suffix: str | None = Field(default=None, max_length=MAX_TEXT)
    """The text after the gap that the model fills in."""
    model: str = Field(default="auto", max_length=200)
    max_tokens: int = Field(default=16, ge=0)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    n: int = Field(default=1, ge=1, le=MAX_CHOICES)
    stop: str | list[str] = Field(default_factory=list, max_length=1000)
    echo: bool = False
    """Whether the prompt is repeated before the text."""
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    user: str | None = None

    @field_validator("prompt", mode="before")
    @classmethod
    def _is_text(cls, given: Any) -> Any:
        texts = given if isinstance(given, list) else [given]
        if any(isinstance(one, (int, list)) for one in texts):
            raise ValueError("token lists are not supported; send text")
        for text in texts:
            if not isinstance(text, str):
                raise ValueError("send a text or a list of texts")  # noqa: TRY004 (a TypeError would not be a 400)
            text.encode()  # half of a surrogate pair is invalid text; UnicodeEncodeError is a ValueError
        if sum(map(len, texts)) > MAX_TEXT:
            raise ValueError(f"at most {MAX_TEXT} characters in total")
        return given

    @field_validator("stop")
    @classmethod
    def _few_stops(cls, stop: str | list[str]) -> str | list[str]:
        if isinstance(stop, list) and len(stop) > MAX_CHOICES:
            raise ValueError(f"at most {MAX_CHOICES} stop sequences are allowed")
        return short_stops(stop)

    @model_validator(mode="after")
    def _few_choices(self) -> "TextCompletionRequest":
        if not 1 <= len(self.prompts) * self.n <= MAX_CHOICES:
            raise ValueError(f"send 1 to {MAX_CHOICES} prompts, each counted n times")
        if self.echo and sum(map(len, self.prompts)) * self.n > MAX_TEXT:
            raise ValueError(f"echo: at most {MAX_TEXT} characters can be repeated, each prompt counted n times")
        return self

    @property
    def prompts(self) -> Sequence[str]:
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop


class TextCompletion:
    """Encodes the choices as one `text_completion`, or as its chunks."""

    def __init__(self, model: str) -> None:
        self.id = f"cmpl-{secrets.token_hex(12)}"
        self._model = model
        self._created = int(time.time())

    def _body(self, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self._created,
            "model": self._model,
            "choices": choices,
            **more,
        }

    def chunk(self, index: int, text: str, finish_reason: Literal["stop", "length"] | None = None) -> dict[str, Any]:
        return self._body([_choice(index, text, finish_reason)])

    def usage(self, usage: Usage) -> dict[str, Any]:
        """The last chunk, if the client wants the usage."""
        return self._body([], usage=usage)

    def error(self, error: ApiError) -> dict[str, Any]:
        return self._body([], **error.body())

    def whole(self, chunks: Sequence[dict[str, Any]], usage: Usage) -> dict[str, Any]:
        """The completion that consists of these chunks."""
        texts, reasons = dict[int, list[str]](), dict[int, Any]()
        for choice in (choice for chunk in chunks for choice in chunk["choices"]):
            texts.setdefault(choice["index"], []).append(choice["text"])
            reasons[choice["index"]] = choice["finish_reason"]
        choices = [_choice(index, "".join(parts), reasons[index]) for index, parts in texts.items()]
        return self._body(choices, usage=usage)


def _choice(index: int, text: str, finish_reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}
