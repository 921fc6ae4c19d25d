"""Converts a request of `/v1/responses` to a turn, as started by Chat Completions."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError

from api.errors import ApiError, bad_request, to_api_error
from api.turns.options import Origin, TurnRequest
from api.turns.session_claim import TurnEnd
from api.turns.stored_responses import StoredResponses
from api.wire.chat_request import ChatRequest
from api.wire.responses_request import ResponsesRequest, defined_tools, format_of, read_items
from api.wire.responses_tools import ToolSet, choice_of, read_tools
from checkpoints.users import User

FIELDS = {
    "response_format.json_schema": "text.format",
    "response_format": "text.format",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "session_id": "conversation",
}
"""Field names in Chat Completions and their equivalents in Responses."""


def response_id() -> str:
    return f"resp_{secrets.token_hex(16)}"


@dataclass(frozen=True, slots=True)
class ConvertedRequest:
    """A request in the fields of Chat Completions, not validated yet."""

    body: ResponsesRequest
    fields: dict[str, Any]
    origins: list[int]
    """The index of the item that each message comes from."""
    tools: ToolSet
    only_tools: frozenset[str] | None

    async def turn_request(self, origin: Origin, user: User, stored: StoredResponses) -> TurnRequest:
        """Raises 400 that names the field, also if a response does not exist or belongs to another user; 409 while it
        is in progress.
        """
        return TurnRequest(
            ChatRequest.parse(self.fields),
            user,
            origin,
            after=await _after(self.body.previous_response_id, stored, user),
            instructions=self.body.instructions or "",
            only_tools=self.only_tools,
        )

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Errors in the block name the fields of this route."""
        try:
            yield
        except (ApiError, RequestValidationError) as error:
            raise _renamed(to_api_error(error), self.origins, self.tools.origins) from error


async def converted(body: ResponsesRequest, stored: StoredResponses, user: User) -> ConvertedRequest:
    """Raises 400 that names the field."""
    body.check()

    async def find(item: str) -> dict[str, Any] | None:
        return await stored.item(item, user)

    messages, origins = await read_items(body.input, find)
    tools = read_tools(defined_tools(body))
    choice = choice_of(body.tool_choice, tools)
    only = choice.ours or tools.ours
    if choice.functions == "none":
        tools, only = ToolSet(), frozenset() if tools.service else None
    fields: dict[str, Any] = {
        "messages": messages,
        "model": body.model,
        "session_id": body.session,
        "stream": body.stream,
        "background": body.background,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "frequency_penalty": body.frequency_penalty,
        "presence_penalty": body.presence_penalty,
        "verbosity": body.text.verbosity,
        "max_completion_tokens": body.max_output_tokens,
        "tools": tools.functions or None,
        "tool_choice": None if only is not None else choice.functions,
        "parallel_tool_calls": body.parallel_tool_calls,
        "response_format": format_of(body),
        "reasoning_effort": body.reasoning.effort,
    }
    if choice.must and body.model not in ("react", "plan_execute"):
        fields["agent_type"] = "react"
    return ConvertedRequest(body, fields, origins, tools, only)


async def _after(previous: str | None, responses: StoredResponses, user: User) -> TurnEnd | None:
    if previous is None:
        return None
    field = "previous_response_id"
    stored = await responses.find(previous, user)
    if stored is None:
        message = f"{field}: no such response; it was deleted or created with store: false"
        raise bad_request(message, field, "previous_response_not_found")
    if stored.checkpoint is not None:
        return TurnEnd(stored.session, stored.checkpoint)
    status = stored.body["status"]
    if status == "in_progress":
        message = f"{field}: this response is still in progress"
        raise ApiError(409, message, param=field, code="response_in_progress", headers={"Retry-After": "1"})
    raise bad_request(f"{field}: this response is {status} and cannot be continued", field, "response_not_complete")


def _renamed(error: ApiError, origins: list[int], tools: list[str]) -> ApiError:
    """The same error with the field names of this route."""
    param = error.param or ""
    head, *rest = param.split(".")
    if head == "messages" and rest and rest[0].isdigit() and int(rest[0]) < len(origins):
        new = ".".join(["input", str(origins[int(rest[0])]), *rest[1:]])
    elif head == "tools" and rest and rest[0].isdigit() and int(rest[0]) < len(tools):
        new = ".".join([tools[int(rest[0])], *rest[1 + (rest[1:2] == ["function"]) :]])
    elif head == "messages":
        new = ".".join(["input", *rest])
    else:
        new = next((own + param[len(name) :] for name, own in FIELDS.items() if param.startswith(name)), param)
    message = error.message.replace(f"{param}:", f"{new}:", 1) if param else error.message
    return ApiError(error.status, message, kind=error.kind, param=new or None, code=error.code, headers=error.headers)
