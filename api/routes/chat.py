"""`POST /v1/chat/completions` and `POST /api/chat/completions`, the same endpoint."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from api.dependencies import current_user, services_of
from api.errors import to_api_error
from api.files.form_receiver import MAX_FIELD_BYTES, MAX_FIELDS, Received
from api.files.request_body import content_type, read_object
from api.openapi import RUN_HEADERS, errors, request_body
from api.routes.runs import RunStatus, status_of
from api.runs.run import finished
from api.runs.sse import HEADERS, RunResponse, chat_pieces
from api.services import Services
from api.turns.options import Origin, TurnRequest
from api.wire.chat_request import ChatRequest
from api.wire.completion import completion
from api.wire.form_fields import form_fields, urlencoded_fields
from api.wire.types import Completion
from checkpoints.users import User

router = APIRouter()
FORM = {
    "type": "object",
    "required": ["messages"],
    "properties": {
        "messages": {"type": "string", "description": "the messages as JSON text"},
        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
    },
    "additionalProperties": {"type": "string"},
}
BODY = {
    "parameters": RUN_HEADERS,
    "requestBody": request_body(ChatRequest, {"multipart/form-data": {"schema": FORM}}),
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A `chat.completion`; with `stream: true` its chunks, as Server-Sent Events",
        "model": Completion,
        "content": {"text/event-stream": {}},
    },
    202: {"model": RunStatus, "description": "With `background: true` and without `stream`: the answer is in progress"},
    **errors(400, 404, 408, 409, 413, 503),
}


@router.post("/v1/chat/completions", response_class=Response, openapi_extra=BODY, responses=ANSWERS)
@router.post("/api/chat/completions", response_class=Response, openapi_extra=BODY, responses=ANSWERS)
async def chat_completions(
    request: Request,
    services: Services = Depends(services_of),
    user: User = Depends(current_user),
) -> Response:
    """Answer one turn; with `stream: true` as Server-Sent Events."""
    async with AsyncExitStack() as stack:
        fields, files = await _body(request, services, user, stack)
        chat = await services.json.convert(ChatRequest.parse, fields)
        live = await services.turns.start(TurnRequest(chat, user, Origin.of(request), files), stack)
    run, session_id = live.run, live.answer.session_id
    headers = HEADERS | ({"X-Session-ID": session_id} if session_id else {})
    if chat.stream:
        seconds = services.settings.runs.keepalive_seconds
        return RunResponse(run, chat_pieces(live), headers, seconds, background=live.background)
    if chat.background:
        return JSONResponse(status_of(session_id, live).model_dump(), 202, headers=headers)
    await finished(run, request)
    if run.error is not None:
        return to_api_error(run.error).response(headers)
    return JSONResponse(completion(live.answer, live.chunks.model), headers=headers)


async def _body(
    request: Request, services: Services, user: User, stack: AsyncExitStack
) -> tuple[dict[str, Any], Sequence[Received]]:
    """The fields, and a form's files, which are available until the stack is closed. Raises 400, 408, 413 or 429."""
    match content_type(request):
        case "multipart/form-data":
            form = await stack.enter_async_context(services.forms.receive(request, user.id))
            return await services.json.run(form_fields, form.fields), form.files
        case "application/x-www-form-urlencoded":
            body = await request.body()
            parse = partial(urlencoded_fields, max_bytes=MAX_FIELD_BYTES, max_fields=MAX_FIELDS)
            return await services.json.run(parse, body), ()
        case _:
            return await read_object(request, services.json), ()
