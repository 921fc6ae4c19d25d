"""`/api/auth`: registration, logins, passwords, API keys; `/api/usage`: the caller's usage and limits."""

import json
import time
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from api.accounts.authentication import Login
from api.accounts.schemas import (
    CreatedKey,
    Credentials,
    DayView,
    KeyList,
    KeyView,
    LimitsView,
    NewAccount,
    NewKey,
    PasswordChange,
    TokenView,
    UsageView,
    UserView,
)
from api.dependencies import current_user, room_to_delete, services_of
from api.errors import ApiError, bad_request, not_found
from api.middleware.request_context import client_address
from api.openapi import errors
from api.services import Services
from checkpoints.api_keys import MAX_KEYS
from checkpoints.users import LOCAL, User

router = APIRouter(tags=["accounts"])

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
Model = TypeVar("Model", bound=BaseModel)
MAX_FIELDS = 20
MAX_FIELD_BYTES = 16 << 10


def _body(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    kinds = ("application/json", *FORMS)
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}}


@router.post(
    "/api/auth/register", status_code=201, openapi_extra=_body(NewAccount), responses=errors(400, 403, 409, 415, 429)
)
@router.post(
    "/api/auth/signup", status_code=201, openapi_extra=_body(NewAccount), responses=errors(400, 403, 409, 415, 429)
)
async def register(request: Request, services: Services = Depends(services_of)) -> UserView:
    """Create an account with the role `user`. 409 if the name is taken."""
    wanted = await _read(request, NewAccount)
    note(request, wanted.username)
    account = await services.accounts.register(wanted.username, wanted.password, client_address(request.scope))
    return UserView.of(account.user)


@router.post("/api/auth/login", openapi_extra=_body(Credentials), responses=errors(400, 401, 415, 429))
async def login(request: Request, services: Services = Depends(services_of)) -> TokenView:
    """Return a token. Takes JSON or the form of OAuth2's password flow. Repeated failures are slowed down."""
    given = await _read(request, Credentials)
    known = await services.store.users.by_name(given.username)
    if known is not None:  # an unknown name may be a password typed into the wrong field
        note(request, known.user.name)
    made = await services.accounts.login(given.username, given.password, client_address(request.scope))
    request.state.user = made.account.user
    return _token(made, services)


@router.get("/api/auth/me", responses=errors(401, 429))
async def me(user: User = Depends(current_user)) -> UserView:
    """The user that the token belongs to."""
    return UserView.of(user)


@router.post("/api/auth/password", responses=errors(400, 401, 429))
async def change_password(
    body: PasswordChange,
    request: Request,
    services: Services = Depends(services_of),
    user: User = Depends(current_user),
) -> TokenView:
    """Change the password. Earlier tokens become invalid, and what was started with them ends. A new one is returned;
    API keys stay valid.
    """
    with_account(user)
    made = await services.accounts.change_password(
        user, body.old_password, body.new_password, client_address(request.scope)
    )
    await services.access.check()
    return _token(made, services)


def note(request: Request, *targets: str) -> None:
    """Add targets to the audit log that are not in the path."""
    request.state.audit = targets


def with_account(user: User) -> None:
    """Raises 400 for the user `local`, who has no password or API keys."""
    if user.id == LOCAL.id:
        raise bad_request("The local user needs no login and has no password or API keys.", code="no_account")


def _token(made: Login, services: Services) -> TokenView:
    return TokenView(
        access_token=made.token, expires_in=services.accounts.token_seconds, user=UserView.of(made.account.user)
    )


async def _read(request: Request, model: type[Model]) -> Model:
    """The body, JSON or a form. Raises 400."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in FORMS:
        try:
            async with request.form(max_files=0, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES) as form:
                fields = {name: value for name, value in form.multi_items() if not isinstance(value, UploadFile)}
        except MultiPartException as error:
            raise bad_request(f"The form is invalid: {error.message}") from error
    elif kind == "application/json":
        try:
            fields = json.loads(await request.body())
        except (ValueError, RecursionError) as error:
            raise bad_request("The body is not valid JSON.") from error
    else:
        raise ApiError(415, "Send application/json or a form.", code="unsupported_media_type")
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


@router.post("/api/auth/keys", status_code=201, responses=errors(400, 409))
async def create_key(
    body: NewKey, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> CreatedKey:
    """Create an API key. It is shown only once; only a digest of it is stored."""
    with_account(user)
    made = await services.store.api_keys.create(user.id, body.name)
    if made is None:
        raise ApiError(409, f"You have {MAX_KEYS} API keys; revoke one first.", code="too_many_keys")
    key, text = made
    return CreatedKey(**KeyView.of(key).model_dump(), key=text)


@router.get("/api/auth/keys")
async def list_keys(services: Services = Depends(services_of), user: User = Depends(current_user)) -> KeyList:
    """List your API keys, oldest first: how each begins, and when it was last used."""
    return KeyList(keys=[KeyView.of(key) for key in await services.store.api_keys.list(user.id)])


@router.delete(
    "/api/auth/keys/{key_id}", status_code=204, dependencies=[Depends(room_to_delete)], responses=errors(404)
)
async def revoke_key(
    key_id: str, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> Response:
    """Revoke an API key, and end the runs that were started with it."""
    if not await services.store.api_keys.revoke(user.id, key_id):
        raise not_found("key")
    await services.access.check()
    return Response(status_code=204)


DAY_SECONDS = 24 * 3600


MAX_DAYS = 366


@router.get("/api/usage", responses=errors(400))
async def own_usage(
    days: int = Query(default=30, ge=1, le=MAX_DAYS),
    services: Services = Depends(services_of),
    user: User = Depends(current_user),
) -> UsageView:
    """Your runs and tokens per day (UTC), newest first, and your limits."""
    used = await services.store.usage.days(first_day(days), user.id)
    return UsageView(
        limits=LimitsView.of(user, services.quotas),
        tokens_today=await services.store.usage.tokens_today(user.id),
        days=[DayView.of(day) for day in used],
    )


def first_day(days: int) -> str:
    """The first of the last `days` days, including today."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - (days - 1) * DAY_SECONDS))
