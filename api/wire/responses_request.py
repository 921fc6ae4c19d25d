"""The body of `POST /v1/responses`."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.errors import bad_request
from api.wire.chat_request import Penalty, Verbosity
from api.wire.responses_calls import CALL_TYPES, OUTPUT_TYPES, call_of

MAX_ITEMS = 10_000
REFUSED: dict[str, tuple[Any, ...]] = {
    "prompt": (None,),
    "max_tool_calls": (None,),
    "top_logprobs": (None, 0),
    "truncation": (None, "auto", "disabled"),
}
"""Unsupported fields, with the values that have no effect."""


class Reasoning(BaseModel):
    effort: str | None = None
    summary: str | None = None
    """Accepted without effect: thoughts are always returned, as summaries."""


class TextWishes(BaseModel):
    format: dict[str, Any] | None = None
    verbosity: Verbosity | None = None


class ConversationId(BaseModel):
    id: str


class ResponsesRequest(BaseModel):
    """Its messages, tools and formats are validated as in Chat Completions."""

    model_config = ConfigDict(extra="ignore")

    input: str | list[dict[str, Any]] = Field(max_length=1_000_000)
    model: str = Field(default="auto", max_length=200)
    instructions: str | None = Field(default=None, max_length=1_000_000)
    """For this response only; the next one does not use them."""
    previous_response_id: str | None = Field(default=None, max_length=200)
    conversation: str | ConversationId | None = None
    """A session ID."""
    store: bool = True
    """Whether the response can be retrieved later. The conversation is kept either way."""
    stream: bool = False
    background: bool = False
    """The run continues without its client; retrieve the response later."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    max_output_tokens: int | None = Field(default=None, ge=1)
    tools: list[dict[str, Any]] = Field(default_factory=list, max_length=128)
    tool_choice: str | dict[str, Any] = "auto"
    parallel_tool_calls: bool = True
    text: TextWishes = TextWishes()
    reasoning: Reasoning = Reasoning()
    metadata: dict[str, str] = Field(default_factory=dict)
    include: list[str] = Field(default_factory=list)
    truncation: str = "disabled"
    user: str | None = None

    @field_validator("input")
    @classmethod
    def _has_something(cls, given: str | list[dict[str, Any]]) -> str | list[dict[str, Any]]:
        if not given or (len(given) > MAX_ITEMS and isinstance(given, list)):
            raise ValueError(f"send text or 1 to {MAX_ITEMS} items")
        return given

    @property
    def session(self) -> str | None:
        return self.conversation.id if isinstance(self.conversation, ConversationId) else self.conversation

    def check(self) -> None:
        """Raise 400 for contradictory fields."""
        if self.previous_response_id and self.conversation:
            message = "previous_response_id: cannot be combined with conversation"
            raise bad_request(message, "previous_response_id")
        if self.background and not self.store:
            raise bad_request("background: requires store", "background")
        if "message.output_text.logprobs" in self.include:
            raise bad_request("include: logprobs are not supported by this service", "include", "unsupported_field")


def format_of(body: ResponsesRequest) -> dict[str, Any] | None:
    """`text.format` as the `response_format` of Chat Completions."""
    given = body.text.format
    if given is None or given.get("type") != "json_schema":
        return given
    named = {key: given[key] for key in ("name", "description", "schema", "strict") if given.get(key) is not None}
    return {"type": "json_schema", "json_schema": named}


OURS = ("reasoning", "code_interpreter_call", "file_search_call", "web_search_call")
"""Items of earlier responses that are not passed to the model again: the session has them."""
TOOLS = "additional_tools"
"""An item that defines tools."""


Find = Callable[[str], Awaitable[dict[str, Any] | None]]


async def read_items(given: str | list[dict[str, Any]], find: Find) -> tuple[list[dict[str, Any]], list[int]]:
    """`(messages, the index of the item that each came from)`. `find` looks up an item by its ID.

    Consecutive calls become one message. Raises 400 that names the item.
    """
    if isinstance(given, str):
        return [{"role": "user", "content": given}], [0]
    messages: list[dict[str, Any]] = []
    origins: list[int] = []
    for at, item in enumerate(given):
        if item.get("type") == "item_reference":
            found = await find(str(item.get("id")))
            if found is None:
                raise bad_request(f"input.{at}.id: no such item", f"input.{at}.id", "not_found")
            item = found  # noqa: PLW2901
        if item.get("type") in (*OURS, TOOLS):
            continue
        message = _message(item, at)
        calls = message.get("tool_calls")
        if calls and messages and messages[-1]["role"] == "assistant":
            messages[-1].setdefault("tool_calls", []).extend(calls)
            continue
        messages.append(message)
        origins.append(at)
    return messages, origins


def defined_tools(body: ResponsesRequest) -> list[tuple[str, dict[str, Any]]]:
    """All tools of the request, each with the name of its field."""
    found = [(f"tools.{at}", tool) for at, tool in enumerate(body.tools)]
    for at, item in enumerate(body.input if isinstance(body.input, list) else []):
        more = item.get("tools") if item.get("type") == TOOLS else None
        for number, tool in enumerate(more if isinstance(more, list) else []):
            field = f"input.{at}.tools.{number}"
            if not isinstance(tool, dict):
                raise bad_request(f"{field}: a tool is an object", field)
            found.append((field, tool))
    return found


def _message(item: dict[str, Any], at: int) -> dict[str, Any]:
    kind = item.get("type") or "message"
    if kind == "message":
        return {"role": item.get("role"), "content": _content(item.get("content"), at)}
    if kind in CALL_TYPES:
        return {"role": "assistant", "content": None, "tool_calls": [call_of(item)]}
    if kind in OUTPUT_TYPES:
        content = _content(item.get("output"), at)
        return {"role": "tool", "tool_call_id": item.get("call_id") or item.get("id"), "content": content}
    raise bad_request(f"input.{at}.type: {str(kind)[:100]!r} is not supported", f"input.{at}.type")


def _content(content: Any, at: int) -> Any:
    if not isinstance(content, list):
        return content
    return [_part(part, f"input.{at}.content.{place}") for place, part in enumerate(content)]


def _part(part: Any, field: str) -> Any:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "input_image":
        if not isinstance(part.get("image_url"), str):
            raise bad_request(f"{field}.image_url: send images as data:image/… or by URL", field)
        return {"type": "image_url", "image_url": {"url": part["image_url"], "detail": part.get("detail") or "auto"}}
    if kind == "input_file":
        if not isinstance(part.get("file_data"), str):
            raise bad_request(f"{field}.file_data: send files as base64", field)
        return {"type": "file", "file": {"file_data": part["file_data"], "filename": part.get("filename")}}
    return part
