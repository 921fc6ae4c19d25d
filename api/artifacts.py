"""`GET /api/conversations/{id}/artifacts[/{path}]`: the files of a session, for its owner."""

import asyncio
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from api.answer import artifact_url
from api.dependencies import current_user, services_of
from api.errors import not_found
from api.services import Services
from workspace.folder import file_infos, regular_file
from workspace.names import inside

router = APIRouter()

INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}
"""What a browser may show in place; everything else is a download."""


@router.get("/api/conversations/{session_id}/artifacts")
async def list_artifacts(
    session_id: str, services: Services = Depends(services_of), user: str = Depends(current_user)
) -> dict[str, Any]:
    """All files in the session's folder."""
    if await services.store.sessions.get(session_id, user) is None:
        raise not_found("session")
    folder = services.workspaces.folder(session_id)
    infos = await asyncio.to_thread(file_infos, folder)
    return {
        "artifacts": [
            {"filename": i.name, "url": artifact_url(session_id, i.name), "mime": i.mime, "bytes": i.bytes}
            for i in infos
        ]
    }


@router.get("/api/conversations/{session_id}/artifacts/{path:path}")
async def get_artifact(
    session_id: str,
    path: str,
    services: Services = Depends(services_of),
    user: str = Depends(current_user),
) -> FileResponse:
    """One file. 404 when it is not there, or not the caller's."""
    if await services.store.sessions.get(session_id, user) is None:
        raise not_found("session")
    folder = services.workspaces.folder(session_id)
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
