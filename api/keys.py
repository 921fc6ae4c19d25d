"""`/api/auth/keys`: long-lived keys for programs, which OpenAI clients call API keys."""

from fastapi import APIRouter, Depends, Response

from api.account_schemas import CreatedKey, KeyList, KeyView, NewKey
from api.auth import with_account
from api.dependencies import current_user, services_of
from api.documented import errors
from api.errors import ApiError, not_found
from api.services import Services
from checkpoints.api_keys import MAX_KEYS
from checkpoints.users import User

router = APIRouter(tags=["accounts"])


@router.post("/api/auth/keys", status_code=201, responses=errors(400, 409))
async def create_key(
    body: NewKey, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> CreatedKey:
    """A new key. It is shown once; only a digest of it is kept."""
    with_account(user)
    made = await services.store.api_keys.create(user.id, body.name)
    if made is None:
        raise ApiError(409, f"There are {MAX_KEYS} keys; revoke one first.", code="too_many_keys")
    key, text = made
    return CreatedKey(**KeyView.of(key).model_dump(), key=text)


@router.get("/api/auth/keys")
async def list_keys(services: Services = Depends(services_of), user: User = Depends(current_user)) -> KeyList:
    """Own keys, oldest first: how each begins, and when it was last used."""
    return KeyList(keys=[KeyView.of(key) for key in await services.store.api_keys.list(user.id)])


@router.delete("/api/auth/keys/{key_id}", status_code=204, responses=errors(404))
async def revoke_key(
    key_id: str, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> Response:
    """The key opens nothing any more."""
    if not await services.store.api_keys.revoke(user.id, key_id):
        raise not_found("key")
    return Response(status_code=204)
