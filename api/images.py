"""`GET /api/images/{token}`: an image that an answer links to."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from api.dependencies import services_of
from api.documented import binary, errors
from api.downloads import INLINE, Download
from api.errors import not_found
from api.services import Services
from api.uploads import mime_of
from workspace.opening import opened_inside

router = APIRouter()


@router.get(
    "/api/images/{token}",
    response_class=Response,
    responses={**binary(*sorted(INLINE)), **errors(404)},
)
async def get_image(
    token: Annotated[str, Path(description="from a link in an answer", max_length=2000)],
    services: Services = Depends(services_of),
) -> Response:
    """An image that the agent made. Needs no login: the link itself is the permission, until it expires."""
    claim = services.image_links.read(token)
    if claim is None or mime_of(claim[1]) not in INLINE:
        raise not_found("image")
    session_id, name = claim
    try:
        file = await opened_inside(services.workspaces.folder(session_id), name)
    except FileNotFoundError as error:
        raise not_found("image") from error
    download = Download(file, name.rpartition("/")[2], mime_of(name))
    # A chat window of another origin shows it.
    download.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return download
