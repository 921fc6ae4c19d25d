"""`/api/conversations/{id}/artifacts[/{path}]`: the files of a session, for its owner."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response, StreamingResponse

from api.answer import public_artifact
from api.archives import zipped
from api.dependencies import own_session, services_of
from api.documented import DOWNLOAD, Artifacts, binary, errors
from api.downloads import SAFE, Download, content_disposition
from api.errors import not_found
from api.services import Services
from api.uploads import mime_of
from checkpoints.sessions import Session
from workspace.folder import file_infos
from workspace.opening import opened_inside

router = APIRouter()
BASES = ("/api/conversations/{session_id}/artifacts", "/api/chat/sessions/{session_id}/artifacts")


async def list_artifacts(
    session: Session = Depends(own_session), services: Services = Depends(services_of)
) -> Artifacts:
    """All files in the session's folder, oldest first."""
    folder = services.workspaces.folder(session.id)
    infos = await asyncio.to_thread(file_infos, folder)
    return Artifacts.model_validate({"artifacts": [public_artifact(session.id, info) for info in infos]})


async def get_artifact(
    path: Annotated[str, Path(description="the file's name, folders included")],
    session: Session = Depends(own_session),
    services: Services = Depends(services_of),
) -> Response:
    """One file, with ranges. Images are shown in place, everything else is a download."""
    try:
        file = await opened_inside(services.workspaces.folder(session.id), path)
    except FileNotFoundError as error:
        raise not_found("file") from error
    return Download(file, path.rpartition("/")[2], mime_of(path))


async def get_archive(session: Session = Depends(own_session), services: Services = Depends(services_of)) -> Response:
    """All files of the session as one ZIP archive."""
    folder = services.workspaces.folder(session.id)
    names = [info.name for info in await asyncio.to_thread(file_infos, folder)]
    headers = {**SAFE, "Content-Disposition": content_disposition(f"artifacts-{session.id[:8]}.zip")}
    return StreamingResponse(zipped(folder, names), headers=headers, media_type="application/zip")


for base in BASES:
    router.get(base, responses=errors(404))(list_artifacts)
    router.get(f"{base}.zip", response_class=Response, responses=binary("application/zip") | errors(404))(get_archive)
    router.get(f"{base}/{{path:path}}", response_class=Response, responses=DOWNLOAD)(get_artifact)
    router.head(f"{base}/{{path:path}}", response_class=Response, responses=DOWNLOAD)(get_artifact)
