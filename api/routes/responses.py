"""`/v1/responses`: create, stream, retrieve, cancel, delete."""

import json
from contextlib import AsyncExitStack
from typing import Any, Literal

from fastapi import APIRouter, Depends, Query, Request, WebSocket
from fastapi.responses import JSONResponse, Response

from api.dependencies import current_user, room_to_delete, services_of
from api.errors import bad_request, not_found, to_api_error
from api.files.request_body import read_object
from api.openapi import RUN_HEADERS, errors, request_body
from api.runs.event_log import gone
from api.runs.run import finished
from api.runs.sse import HEADERS, RunResponse, typed_pieces
from api.services import Services
from api.turns.options import Origin
from api.turns.responses import converted, response_id
from api.turns.stored_responses import ResponseRun
from api.turns.turn import Turn
from api.wire.body import validated
from api.wire.responses_body import ResponseBody, input_items
from api.wire.responses_events import ResponseEvents
from api.wire.responses_request import REFUSED, ResponsesRequest
from checkpoints.responses import StoredResponse
from checkpoints.users import User

router = APIRouter(tags=["responses"])
BODY = {"parameters": RUN_HEADERS, "requestBody": request_body(ResponsesRequest)}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A `response`; with `stream: true` its events, as Server-Sent Events",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}},
    },
    **errors(400, 404, 408, 409, 413, 503),
}


@router.post("/v1/responses", response_class=Response, openapi_extra=BODY, responses=ANSWERS)
async def create_response(
    request: Request, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> Response:
    """Answer one turn; with `stream: true` as typed events."""
    asked = _asked(await read_object(request, services.json))
    given = await converted(asked, services.responses, user)
    turns, rows = services.turns, services.store.responses
    async with AsyncExitStack() as stack:
        with given.naming():
            turn_request = await given.turn_request(Origin.of(request), user, services.responses)
            turn = await turns.open(turn_request, await turns.options.resolve(turn_request), stack)
        body = ResponseBody(response_id(), asked, turn.options.model, turn.session_id, given.tools.dropped)
        events = ResponseEvents(body, turn.session_id, given.tools.own)
        stored = turn if asked.store and isinstance(turn, Turn) else None
        doing = ResponseRun(turns.work(turn), turn, events, rows if stored else None)
        if stored is not None:
            lease = stored.locked.lock.lease
            assert lease is not None, "a session that is locked has its lease"
            sent = input_items(body.id, asked.input)
            await rows.begin(StoredResponse(body.id, stored.session_id, None, body.begun(), sent, lease.id), user.id)
        live = turns.begin(turn, doing.work, stack)
    run = live.run
    doing.follow(run)
    headers = HEADERS | ({"X-Session-ID": turn.session_id} if turn.session_id else {})
    if asked.stream:
        pieces = typed_pieces(doing.log, lambda: events.failed(gone()))
        seconds = services.settings.runs.keepalive_seconds
        return RunResponse(run, pieces, headers, seconds, background=live.background)
    if asked.background:
        return JSONResponse(body.begun(), headers=headers)
    await finished(run, request)
    if run.error is not None:
        return to_api_error(run.error).response(headers)
    return JSONResponse(doing.response, headers=headers)


@router.post("/v1/responses/compact", include_in_schema=False)
@router.post("/v1/responses/input_tokens", include_in_schema=False)
async def unsupported(request: Request, _user: User = Depends(current_user)) -> Response:
    """OpenAI's further operations. Conversations are condensed by the service itself."""
    message = f"{request.url.path} is not supported: the service condenses long conversations itself"
    raise bad_request(message, code="unsupported_endpoint")


@router.websocket("/v1/responses")
async def unsupported_transport(socket: WebSocket) -> None:
    """OpenAI's WebSocket mode, refused before the connection is open."""
    message = "WebSockets are not supported here; send POST /v1/responses with stream: true"
    await socket.send_denial_response(bad_request(message, code="unsupported_transport").response())


async def own_response(
    response_id: str, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> StoredResponse:
    """The response in the path. Raises 404 if it does not exist or belongs to another user."""
    found = await services.responses.find(response_id, user)
    if found is None:
        raise not_found("response", "response_id")
    return found


def _asked(fields: dict[str, Any]) -> ResponsesRequest:
    try:
        json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:  # half of a surrogate pair, or NaN or infinity
        raise bad_request("The body has values that JSON cannot represent.") from error
    return validated(ResponsesRequest, fields, REFUSED)


@router.get("/v1/responses/{response_id}", responses=errors(400, 404))
async def get_response(
    found: StoredResponse = Depends(own_response),
    stream: bool = Query(default=False, description="not supported; use `/stream` of the conversation"),
) -> dict[str, Any]:
    """Return the response in its current state."""
    if stream:
        path = f"/api/conversations/{found.session}/stream"
        raise bad_request(f"stream: a stored response cannot be streamed again; use {path}", "stream")
    return found.body


@router.delete("/v1/responses/{response_id}", dependencies=[Depends(room_to_delete)], responses=errors(404))
async def delete_response(
    found: StoredResponse = Depends(own_response),
    services: Services = Depends(services_of),
    user: User = Depends(current_user),
) -> dict[str, Any]:
    """Delete the response. Its conversation is kept until it is deleted itself."""
    await services.store.responses.delete(found.id, user.id)
    return {"id": found.id, "object": "response.deleted", "deleted": True}


@router.post("/v1/responses/{response_id}/cancel", responses=errors(404))
async def cancel_response(
    found: StoredResponse = Depends(own_response),
    services: Services = Depends(services_of),
    user: User = Depends(current_user),
) -> dict[str, Any]:
    """Cancel the run. A finished run is not changed."""
    if found.body["status"] != "in_progress":
        return found.body
    await services.locks.cancel(found.session, found.lease)
    now = await services.responses.find(found.id, user)
    return (now or found).body


@router.get("/v1/responses/{response_id}/input_items", responses=errors(400, 404))
async def get_input_items(
    found: StoredResponse = Depends(own_response),
    order: Literal["asc", "desc"] = "desc",
    limit: int = Query(default=20, ge=1, le=100),
    after: str | None = Query(default=None, description="the ID of the last item of the previous page"),
) -> dict[str, Any]:
    """List the input items, in pages."""
    items = found.input if order == "asc" else found.input[::-1]
    start = next((at + 1 for at, item in enumerate(items) if item["id"] == after), 0)
    page = items[start : start + limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + limit < len(items),
    }
