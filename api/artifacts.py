"""`GET /api/conversations/{id}/artifacts[/{path}]`: the files of a session, for its owner."""

import asyncio
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from api.answer import public_artifact
from api.dependencies import own_session, services_of
from api.errors import not_found
from api.services import Services
from checkpoints.sessions import Session
from workspace.folder import file_infos, regular_file
from workspace.names import inside

router = APIRouter()

INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}
"""What a browser may show in place; everything else is a download."""


@router.get("/api/conversations/{session_id}/artifacts")
async def list_artifacts(
    session: Session = Depends(own_session), services: Services = Depends(services_of)
) -> dict[str, Any]:
    """All files in the session's folder."""
    folder = services.workspaces.folder(session.id)
    infos = await asyncio.to_thread(file_infos, folder)
    return {"artifacts": [public_artifact(session.id, info) for info in infos]}


@router.get("/api/conversations/{session_id}/artifacts/{path:path}")
async def get_artifact(
    path: str,
    session: Session = Depends(own_session),
    services: Services = Depends(services_of),
) -> FileResponse:
    """One file. 404 when it is not there, or not the caller's."""
    folder = services.workspaces.folder(session.id)
    file = inside(folder, path)
    try:
        info = await asyncio.to_thread(regular_file, folder, path)
    except OSError as error:
        raise not_found("file") from error
    inline = info.mime in INLINE
    return FileResponse(
        file,
        media_type=info.mime if inline else "application/octet-stream",
        filename=file.name,
        content_disposition_type="inline" if inline else "attachment",
        headers={"X-Content-Type-Options": "nosniff"},
    )
