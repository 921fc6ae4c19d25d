"""A request of `/v1/responses` as a turn: the same that Chat Completions opens."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError

from api.continuing import Point
from api.errors import ApiError, bad_request, to_api_error
from api.forms import Incoming, checked
from api.responses.items import response_of
from api.responses.keeping import look_up
from api.responses.reading import read_items
from api.responses.request import ResponsesRequest, choice_of, format_of, tools_of
from api.services import Services
from checkpoints.users import User

FIELDS = {
    "response_format.json_schema": "text.format",
    "response_format": "text.format",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "session_id": "conversation",
}
"""Names of fields in Chat Completions, and in Responses."""


def response_id() -> str:
    return f"resp_{secrets.token_hex(16)}"


@dataclass(frozen=True, slots=True)
class Opened:
    """A request in the fields of Chat Completions, not checked yet."""

    body: ResponsesRequest
    fields: dict[str, Any]
    origins: list[int]
    only_tools: frozenset[str] | None

    async def incoming(self, services: Services, user: User) -> Incoming:
        """Raises 400 that names the field, also for a response that is not there or somebody else's; 409 while that
        is under way."""
        return Incoming(
            checked(self.fields),
            [],
            point=await _point(self.body.previous_response_id, services, user),
            instructions=self.body.instructions or "",
            only_tools=self.only_tools,
        )

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Errors in the block name the fields as this route calls them."""
        try:
            yield
        except (ApiError, RequestValidationError) as error:
            raise _renamed(to_api_error(error), self.origins) from error


async def opened(body: ResponsesRequest, services: Services, user: User) -> Opened:
    """Raises 400 that names the field."""
    body.check()

    async def find(item: str) -> dict[str, Any] | None:
        stored = await services.store.responses.get(response_of(item), user.id)
        return next((one for one in stored.body["output"] if one["id"] == item), None) if stored else None

    messages, origins = await read_items(body.input, find)
    functions, ours = tools_of(body)
    choice, picked = choice_of(body)
    fields: dict[str, Any] = {
        "messages": messages,
        "model": body.model,
        "session_id": body.session,
        "stream": body.stream,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "max_completion_tokens": body.max_output_tokens,
        "tools": functions or None,
        "tool_choice": choice if functions or ours is None else None,
        "parallel_tool_calls": body.parallel_tool_calls,
        "response_format": format_of(body),
        "reasoning_effort": body.reasoning.effort,
    }
    if (picked or (ours and choice == "required")) and body.model not in ("react", "plan_execute"):
        fields["agent_type"] = "react"
    return Opened(body, fields, origins, picked or ours)


async def _point(previous: str | None, services: Services, user: User) -> Point | None:
    if previous is None:
        return None
    field = "previous_response_id"
    stored = await look_up(previous, services, user)
    if stored is None:
        message = f"{field}: there is no such response; it was deleted, or made with store: false"
        raise bad_request(message, field, "previous_response_not_found")
    if stored.checkpoint is not None:
        return Point(stored.session, stored.checkpoint)
    status = stored.body["status"]
    if status == "in_progress":
        message = f"{field}: this response is still being worked on"
        raise ApiError(409, message, param=field, code="response_in_progress", headers={"Retry-After": "1"})
    raise bad_request(
        f"{field}: nothing can go on from this response, which is {status}", field, "response_not_complete"
    )


def _renamed(error: ApiError, origins: list[int]) -> ApiError:
    """The same error, with the fields as this route calls them."""
    param = error.param or ""
    head, *rest = param.split(".")
    if head == "messages" and rest and rest[0].isdigit() and int(rest[0]) < len(origins):
        new = ".".join(["input", str(origins[int(rest[0])]), *rest[1:]])
    elif head == "messages":
        new = ".".join(["input", *rest])
    else:
        new = next((own + param[len(name) :] for name, own in FIELDS.items() if param.startswith(name)), param)
    message = error.message.replace(f"{param}:", f"{new}:", 1) if param else error.message
    return ApiError(error.status, message, kind=error.kind, param=new or None, code=error.code, headers=error.headers)
