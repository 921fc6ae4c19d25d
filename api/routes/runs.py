"""Resuming a run: its stream, its status and its result."""

from typing import Any, Literal

from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response
from pydantic import BaseModel, Field

from api.dependencies import own_session, services_of
from api.errors import ApiError, not_found, to_api_error
from api.openapi import ErrorDetail, errors
from api.runs.live import LiveRun
from api.runs.resume import resume_position
from api.runs.sse import HEADERS, EventStream, chat_pieces
from api.services import Services
from api.turns.history import iso
from api.wire.completion import completion
from checkpoints.sessions import Session

router = APIRouter()
Status = Literal["in_progress", "completed", "failed", "cancelled", "incomplete"]
CANCELLED = ("run_cancelled", "run_interrupted")


class RunStatus(BaseModel):
    """The latest run of a session."""

    session_id: str
    status: Status = Field(description="`incomplete`: it ended without an answer, and nothing more is known")
    created_at: str
    id: str | None = Field(description="of the completion; null if the run was in another process or ended long ago")
    result: dict[str, Any] | None = Field(description="the `chat.completion`, if the run is completed and still kept")
    error: ErrorDetail | None = None


def status_of(session_id: str, live: LiveRun) -> RunStatus:
    """The status of a run."""
    told: dict[str, Any] = {
        "session_id": session_id,
        "created_at": iso(live.began),
        "id": live.chunks.id,
        "result": None,
    }
    if not live.run.ended:
        return RunStatus(status="in_progress", **told)
    if live.run.error is None:
        told["result"] = completion(live.answer, live.chunks.model) | {"id": live.chunks.id}
        return RunStatus(status="completed", **told)
    error = to_api_error(live.run.error)
    status: Status = "cancelled" if error.code in CANCELLED else "failed"
    return RunStatus(status=status, error=ErrorDetail(**error.body()["error"]), **told)


STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "Its chunks, as Server-Sent Events", "content": {"text/event-stream": {}}},
    **errors(400, 404, 410),
}


@router.get("/api/conversations/{session_id}/stream", response_class=Response, responses=STREAM)
async def resume_stream(
    session: Session = Depends(own_session),
    services: Services = Depends(services_of),
    last_event_id: str | None = Header(default=None, description="the ID of the last received frame"),
) -> Response:
    """Stream the latest run from its beginning, or from after a frame, and follow it."""
    live = latest(session, services)
    pieces = chat_pieces(live, resume_position(live, last_event_id))
    headers = {**HEADERS, "X-Session-ID": session.id}
    return EventStream(pieces, headers, services.settings.runs.keepalive_seconds)


@router.get("/api/conversations/{session_id}/run", responses=errors(404))
async def get_run(session: Session = Depends(own_session), services: Services = Depends(services_of)) -> RunStatus:
    """Status of the latest run and, for some minutes, its result; the history keeps the answer."""
    if (live := services.live.get(session.id)) is not None:
        return status_of(session.id, live)
    turn = await services.store.turns.newest(session.id)
    if turn is None:
        raise not_found("run")
    status: Status = "completed" if turn.state == "done" else "incomplete"
    if turn.state == "open" and await services.store.leases.held(session.id):
        status = "in_progress"  # in another process
    return RunStatus(session_id=session.id, status=status, created_at=iso(turn.created), id=None, result=None)


def latest(session: Session, services: Services) -> LiveRun:
    """Raises 404 if no run is kept."""
    live = services.live.get(session.id)
    if live is None:
        raise ApiError(404, "This conversation has no current or recent run.", code="not_found")
    return live
