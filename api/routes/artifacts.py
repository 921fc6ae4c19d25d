"""A session's files, for its owner, and `/api/images/{token}`: an image linked in an answer."""

import asyncio
import os
from pathlib import Path as Folder
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response, StreamingResponse

from api.dependencies import own_session, services_of
from api.errors import not_found
from api.files.downloads import INLINE, SAFE, Download, content_disposition
from api.files.user_files import mime_of
from api.openapi import DOWNLOAD, binary, errors
from api.routes.schemas import Artifacts
from api.services import Services
from api.wire.steps import public_artifact
from checkpoints.sessions import Session
from workspace.folder import file_infos
from workspace.names import Names
from workspace.safe_open import opened_inside

router = APIRouter()
BASES = ("/api/conversations/{session_id}/artifacts", "/api/chat/sessions/{session_id}/artifacts")


async def list_artifacts(
    session: Session = Depends(own_session), services: Services = Depends(services_of)
) -> Artifacts:
    """List all files in the session's folder, oldest first."""
    folder = services.workspaces.folder(session.id)
    infos = await asyncio.to_thread(file_infos, folder)
    return Artifacts.model_validate({"artifacts": [public_artifact(session.id, info) for info in infos]})


async def get_artifact(
    path: Annotated[str, Path(description="the file's name, including folders")],
    session: Session = Depends(own_session),
    services: Services = Depends(services_of),
) -> Response:
    """Return one file; ranges are supported. Images are shown inline, everything else is a download."""
    folder = services.workspaces.folder(session.id)
    path = await asyncio.to_thread(_meant, folder, path)
    try:
        file = await opened_inside(folder, path)
    except FileNotFoundError as error:
        raise not_found("file") from error
    return Download(file, path.rpartition("/")[2], mime_of(path))


def _meant(folder: Folder, path: str) -> str:
    """The file's own name, which a client may have decomposed (NFD); `path` itself if there is no such file."""
    if "/" in path or os.path.lexists(folder / path):
        return path
    return Names(info.name for info in file_infos(folder)).same(path) or path


async def get_archive(session: Session = Depends(own_session), services: Services = Depends(services_of)) -> Response:
    """Return all files of the session as one ZIP archive, up to the size that a session's folder may have."""
    folder = services.workspaces.folder(session.id)
    files = await asyncio.to_thread(file_infos, folder)
    pieces = services.archives.open(session.owner, folder, files)
    headers = {**SAFE, "Content-Disposition": content_disposition(f"artifacts-{session.id[:8]}.zip")}
    return StreamingResponse(pieces, headers=headers, media_type="application/zip")


ARCHIVE = binary("application/zip") | errors(404, 413)

for base in BASES:
    router.get(base, responses=errors(404))(list_artifacts)
    router.get(f"{base}.zip", response_class=Response, responses=ARCHIVE)(get_archive)
    router.get(f"{base}/{{path:path}}", response_class=Response, responses=DOWNLOAD)(get_artifact)
    router.head(f"{base}/{{path:path}}", response_class=Response, responses=DOWNLOAD)(get_artifact)


@router.get(
    "/api/images/{token}",
    response_class=Response,
    responses={**binary(*sorted(INLINE)), **errors(404)},
)
async def get_image(
    token: Annotated[str, Path(description="from a link in an answer", max_length=2000)],
    services: Services = Depends(services_of),
) -> Response:
    """Return an image that the agent created. Needs no login: the link itself grants access until it expires."""
    claim = services.image_links.read(token)
    if claim is None or mime_of(claim[1]) not in INLINE:
        raise not_found("image")
    session_id, name = claim
    try:
        file = await opened_inside(services.workspaces.folder(session_id), name)
    except FileNotFoundError as error:
        raise not_found("image") from error
    download = Download(file, name.rpartition("/")[2], mime_of(name))
    # So that chat windows of other origins can show it.
    download.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return download
