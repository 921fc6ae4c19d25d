"""`/api/upload` and `/api/files`: a user's uploads, available to the tools in all of the user's sessions."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from api.dependencies import member, room_to_delete, services_of
from api.errors import ApiError, bad_request, not_found
from api.files.downloads import Download
from api.files.request_body import content_type
from api.openapi import DOWNLOAD, errors
from api.routes.conversations import MAX_PAGE, After, cursor_of
from api.routes.schemas import DeletedFile, SearchState, Uploaded, UserFile, UserFiles
from api.services import Services
from api.turns.history import iso
from checkpoints.files import StoredFile
from checkpoints.users import User
from tools.documents import FileState
from workspace.names import safe_name
from workspace.safe_open import opened_inside

router = APIRouter()
Name = Annotated[str, Path(max_length=300, description="the file's `name`, or the person's own name for it")]
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
}


@router.post("/api/upload", status_code=201, openapi_extra=UPLOAD, responses=errors(400, 408, 409, 413, 415, 429, 503))
async def upload(request: Request, services: Services = Depends(services_of), user: User = Depends(member)) -> Uploaded:
    """Upload files in the form field `files` (or `file`). Stores all of them or none."""
    if content_type(request) != "multipart/form-data":
        raise ApiError(415, "Send multipart/form-data.", code="unsupported_media_type")
    await services.files.check_room(user.id)
    await services.quotas.room(user)
    async with services.forms.receive(request, user.id) as form:
        if not form.files:
            raise bad_request("files: the form has no file", "files")
        await services.quotas.room(user, sum(file.bytes for file in form.files))
        stored = await services.files.keep(user.id, form.files)
    states = await services.documents.states(user.id)
    return Uploaded(files=[public_file(file, states) for file in stored])


@router.get("/api/files", responses=errors(400))
async def list_files(
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="entries per page")] = 50,
    cursor: After = None,
    services: Services = Depends(services_of),
    user: User = Depends(member),
) -> UserFiles:
    """List your files, newest first."""
    found = await services.store.files.page(user.id, after=cursor_of(cursor), limit=limit + 1)
    page = found[:limit]
    more = len(found) > limit
    states = await services.documents.states(user.id)
    return UserFiles(
        files=[public_file(file, states) for file in page],
        has_more=more,
        next_cursor=page[-1].cursor.encode() if more else None,
    )


@router.get("/api/files/{name}", response_class=Response, responses=DOWNLOAD)
@router.head("/api/files/{name}", response_class=Response, responses=DOWNLOAD)
async def get_file(name: Name, services: Services = Depends(services_of), user: User = Depends(member)) -> Response:
    """Return the file; ranges are supported."""
    stored = await services.files.find(user.id, name)
    if stored is None:
        raise not_found("file")
    try:
        file = await opened_inside(services.kits.library(user.id).folder, stored.name)
    except FileNotFoundError as error:
        raise not_found("file") from error
    return Download(file, safe_name(stored.label), stored.mime)


@router.delete("/api/files/{name}", dependencies=[Depends(room_to_delete)], responses=errors(404))
async def delete_file(
    name: Name, services: Services = Depends(services_of), user: User = Depends(member)
) -> DeletedFile:
    """Delete a file. Copies in sessions are kept."""
    return DeletedFile(name=await services.files.remove(user.id, name))


def public_file(file: StoredFile, states: Mapping[str, FileState]) -> UserFile:
    state = states.get(file.name)
    return UserFile(
        name=file.name,
        label=file.label,
        url=f"/api/files/{quote(file.name, safe='')}",
        mime=file.mime,
        bytes=file.bytes,
        sha256=file.sha256,
        created_at=iso(file.created),
        search=SearchState(state=state.state, detail=state.detail) if state is not None else None,
    )
