"""`POST /v1/completions`: plain text is continued, as editors' completion needs it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from api.dependencies import current_user, services_of
from api.errors import ApiError, to_api_error
from api.files.request_body import read_object
from api.openapi import errors, request_body
from api.runs.event_log import EventsDroppedError, gone
from api.runs.run import finished
from api.runs.sse import DONE, HEADERS, RunResponse, data_text
from api.services import Services
from api.turns.text_completions import LiveCompletion
from api.wire.text_completion import TextCompletionRequest
from checkpoints.users import User

router = APIRouter()
BODY = {"requestBody": request_body(TextCompletionRequest)}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A `text_completion`; with `stream: true` its chunks, as Server-Sent Events",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}},
    },
    **errors(400, 404, 408, 413, 503),
}


@router.post("/v1/completions", response_class=Response, openapi_extra=BODY, responses=ANSWERS)
async def completions(
    request: Request, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> Response:
    """Continue a text, or fill in what is missing before `suffix`; without a session, tools or a chat template."""
    asked = TextCompletionRequest.parse(await read_object(request, services.json))
    async with AsyncExitStack() as stack:
        live = await services.completions.start(asked, user, stack)
    if asked.stream:
        pieces = _pieces(live, include_usage=asked.stream_options.include_usage)
        return RunResponse(live.run, pieces, HEADERS, services.settings.runs.keepalive_seconds)
    await finished(live.run, request)
    if live.run.error is not None:
        return _named(live.run.error).response()
    try:
        chunks = await live.chunks()
    except EventsDroppedError:
        raise gone() from None
    return JSONResponse(live.completion.whole(chunks, live.usage()), headers=HEADERS)


async def _pieces(live: LiveCompletion, *, include_usage: bool) -> AsyncIterator[bytes]:
    reader, failed = live.log.reader(), None
    try:
        while chunks := await reader.next():
            yield data_text(chunks)
    except EventsDroppedError:
        failed = gone()
    if failed is None and live.run.error is not None:
        failed = _named(live.run.error)
    if failed is not None:
        yield data_text([live.completion.error(failed)])
    elif include_usage:
        yield data_text([live.completion.usage(live.usage())])
    yield DONE


def _named(error: Exception) -> ApiError:
    """The error with the field of this route."""
    known = to_api_error(error)
    if known.param != "messages":
        return known
    return ApiError(known.status, known.message, kind=known.kind, param="prompt", code=known.code)
