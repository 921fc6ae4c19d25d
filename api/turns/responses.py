"""A request of `/v1/responses` as a turn: the same that Chat Completions opens. What is stored is noted when it
begins and however it ends.
"""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Depends
from fastapi.exceptions import RequestValidationError

from api.dependencies import current_user, services_of
from api.errors import ApiError, bad_request, not_found, to_api_error
from api.runs.run import Emit, Work
from api.services import Services
from api.turns.request import Incoming, checked
from api.turns.session_claim import Point
from api.turns.turn import Turn
from api.wire.responses_body import Body
from api.wire.responses_items import Items, response_of
from api.wire.responses_request import ResponsesRequest, choice_of, format_of, read_items, tools_of
from checkpoints.responses import StoredResponse
from checkpoints.users import User
from llm.errors import ModelError
from workspace.errors import WorkspaceError

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


LEFT = {"code": "server_error", "message": "The service ended while it worked on this response. Ask again."}


def kept(inner: Work, turn: Turn, body: Body, items: Items, services: Services) -> Work:
    """The run, noted however it ends: the response can be asked for again, and gone on from."""

    async def run(emit: Emit) -> None:
        error: ApiError | None = ApiError(500, "Something went wrong inside the service.", kind="server_error")
        complete = False
        try:
            await inner(emit)
            complete = True
        except asyncio.CancelledError:
            why = services.runs.why_ended(turn.session.id)
            error = to_api_error(why) if why is not None else None
            raise
        except (ApiError, ModelError, WorkspaceError) as known:
            error = to_api_error(known)
            raise
        finally:
            final = body.ended(items, turn.note.answer) if complete else body.failed(error, items)
            await services.store.responses.finish(body.id, turn.note.checkpoint, final)

    return run


async def look_up(response_id: str, services: Services, user: User) -> StoredResponse | None:
    """The user's response as it stands; None when there is none, or it is somebody else's.

    One that nobody works on any more, since its process died, has failed.
    """
    responses = services.store.responses
    found = await responses.get(response_id, user.id)
    if found is None or not _under_way(found) or await services.store.leases.held(found.session, found.hold):
        return found
    found = await responses.get(response_id, user.id)  # it may have ended between the two looks
    if found is None or not _under_way(found):
        return found
    return replace(found, body={**found.body, "status": "failed", "error": LEFT})


def _under_way(response: StoredResponse) -> bool:
    return bool(response.body["status"] == "in_progress")


async def own_response(
    response_id: str, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> StoredResponse:
    """The response in the path. 404 when there is none, and when it is somebody else's."""
    found = await look_up(response_id, services, user)
    if found is None:
        raise not_found("response", "response_id")
    return found
