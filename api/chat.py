"""`POST /v1/chat/completions` and `POST /api/chat/completions`: one handler."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.answer import Answer
from api.dependencies import current_user, services_of
from api.documented import errors
from api.errors import to_api_error
from api.forms import read_chat
from api.runs import Run, stopping_when_gone
from api.schemas import ChatRequest
from api.services import Services
from api.stream import Frames, completion_id, stream
from api.turns import open_turn, work
from checkpoints.users import User

router = APIRouter()
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ChatRequest.model_json_schema(ref_template="#/components/schemas/{model}")},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["messages"],
                    "properties": {
                        "messages": {"type": "string", "description": "the messages as JSON text"},
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                    "additionalProperties": {"type": "string"},
                }
            },
        },
    }
}


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A `chat.completion`; with `stream: true` its chunks, as Server-Sent Events",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}},
    },
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
        incoming = await stack.enter_async_context(read_chat(request, services, user.id))
        turn = await stack.enter_async_context(open_turn(request, incoming, services, user))
        # From here on the run owns the turn: it ends, or is stopped, and all is let go.
        run = services.runs.start(turn.session.id, work(turn, services), stack)
    answer = Answer(turn.session.id)
    headers = {**HEADERS, "X-Session-ID": turn.session.id}
    if incoming.chat.stream:
        frames = stream(
            run,
            Frames(turn.model, turn.session.id),
            answer,
            include_usage=bool(incoming.chat.stream_options and incoming.chat.stream_options.include_usage),
        )
        return RunResponse(run, frames, headers=headers, media_type="text/event-stream")
    await _collect(run, answer, request)
    if run.error is not None:
        known = to_api_error(run.error)
        return JSONResponse(known.body(), known.status, headers={**headers, **(known.headers or {})})
    return JSONResponse(completion(answer, turn.model), headers=headers)


class RunResponse(StreamingResponse):
    """Streams a run; when it has been sent, or cannot be, the run ends too."""

    def __init__(self, run: Run, frames: AsyncIterator[bytes], **rest: Any) -> None:
        super().__init__(frames, **rest)
        self._run = run

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._run.stop()


async def _collect(run: Run, answer: Answer, request: Request) -> None:
    """Read the run to its end, or stop it when the client goes away."""
    try:
        async with stopping_when_gone(run, request):
            async for event in run.events():
                answer.feed(event)
    finally:
        await run.stop()


def completion(answer: Answer, model: str) -> dict[str, Any]:
    """An OpenAI `chat.completion` with our two keys beside it."""
    content = answer.text or (None if answer.tool_calls else "")
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if answer.tool_calls:
        message["tool_calls"] = answer.tool_calls
    if answer.reasoning:
        message |= {"reasoning_content": answer.reasoning, "reasoning": answer.reasoning}
    if cites := answer.annotations():
        message["annotations"] = cites
    return {
        "id": completion_id(),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}],
        "usage": answer.usage(),
        "x_session_id": answer.session_id,
        "x_agent_metadata": answer.metadata(),
    }
