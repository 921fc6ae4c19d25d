"""Responses that are kept: noted when they begin and however they end, and looked up by their owner."""

import asyncio
from dataclasses import replace

from fastapi import Depends

from api.dependencies import current_user, services_of
from api.errors import ApiError, not_found, to_api_error
from api.responses.body import Body
from api.responses.items import Items
from api.runs import Emit, Work
from api.services import Services
from api.turns import Turn
from checkpoints.responses import StoredResponse
from checkpoints.users import User
from llm.errors import ModelError
from workspace.errors import WorkspaceError

LEFT = {"code": "server_error", "message": "The service ended while it worked on this response. Ask again."}


def kept(inner: Work, turn: Turn, body: Body, items: Items, services: Services) -> Work:
    """The run, noted however it ends: the response can be asked for again, and gone on from."""

    async def run(emit: Emit) -> None:
        error: ApiError | None = ApiError(500, "Something went wrong inside the service.", kind="server_error")
        complete = False
        try:
            await inner(emit)
            complete = True
        except asyncio.CancelledError:
            why = services.runs.why_ended(turn.session.id)
            error = to_api_error(why) if why is not None else None
            raise
        except (ApiError, ModelError, WorkspaceError) as known:
            error = to_api_error(known)
            raise
        finally:
            final = body.ended(items, turn.note.answer) if complete else body.failed(error, items)
            await services.store.responses.finish(body.id, turn.note.checkpoint, final)

    return run


async def look_up(response_id: str, services: Services, user: User) -> StoredResponse | None:
    """The user's response as it stands; None when there is none, or it is somebody else's.

    One that nobody works on any more, since its process died, has failed.
    """
    responses = services.store.responses
    found = await responses.get(response_id, user.id)
    if found is None or not _under_way(found) or await services.store.leases.held(found.session, found.hold):
        return found
    found = await responses.get(response_id, user.id)  # it may have ended between the two looks
    if found is None or not _under_way(found):
        return found
    return replace(found, body={**found.body, "status": "failed", "error": LEFT})


def _under_way(response: StoredResponse) -> bool:
    return bool(response.body["status"] == "in_progress")


async def own_response(
    response_id: str, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> StoredResponse:
    """The response in the path. 404 when there is none, and when it is somebody else's."""
    found = await look_up(response_id, services, user)
    if found is None:
        raise not_found("response", "response_id")
    return found
