"""`/api/admin`: users, the default model and usage, for administrators."""

import asyncio
import contextlib
import shutil

from fastapi import APIRouter, Depends, Query, Request, Response

from api.accounts.schemas import (
    AdminNewUser,
    AdminUsageView,
    AdminUserList,
    AdminUserView,
    DayView,
    ModelChoice,
    ModelChoiceView,
    UserChanges,
    UserDay,
)
from api.dependencies import admin_only, room_to_delete, services_of
from api.errors import ApiError, not_found
from api.openapi import errors
from api.routes.auth import MAX_DAYS, first_day, note
from api.services import Services
from checkpoints.users import Account, LastAdminError

router = APIRouter(tags=["administration"], dependencies=[Depends(admin_only)])
MAX_PAGE = 200


async def named_account(name: str, services: Services = Depends(services_of)) -> Account:
    """The account in the path. Raises 404."""
    account = await services.store.users.by_name(name)
    if account is None:
        raise not_found("user")
    return account


@router.get("/api/admin/users", responses=errors(400))
async def list_users(
    after: str = Query(default="", max_length=64),
    limit: int = Query(default=50, ge=1, le=MAX_PAGE),
    services: Services = Depends(services_of),
) -> AdminUserList:
    """List users by name, in pages."""
    accounts = await services.store.users.page(after=after, limit=limit + 1)
    more, accounts = len(accounts) > limit, accounts[:limit]
    return AdminUserList(
        users=[AdminUserView.of_account(account, services.quotas) for account in accounts],
        next=accounts[-1].user.name if more else None,
    )


@router.post("/api/admin/users", status_code=201, responses=errors(400, 409))
async def create_user(body: AdminNewUser, request: Request, services: Services = Depends(services_of)) -> AdminUserView:
    """Create an account with any role. 409 if the name is taken."""
    note(request, body.username, f"role={body.role}")
    account = await services.accounts.create(body.username, body.password, body.role)
    return AdminUserView.of_account(account, services.quotas)


@router.patch("/api/admin/users/{name}", responses=errors(400, 404, 409))
async def change_user(
    body: UserChanges,
    request: Request,
    account: Account = Depends(named_account),
    services: Services = Depends(services_of),
) -> AdminUserView:
    """Change a user's role or limits, or disable the account. Disabling revokes the user's tokens, suspends their keys,
    and ends their runs, connections and kernels.
    """
    limits = body.limits.model_dump(exclude_unset=True) if body.limits else {}
    changes = {**body.model_dump(exclude={"limits"}, exclude_none=True), **limits}
    note(request, *(f"{name}={value}" for name, value in changes.items()))
    try:
        changed = await services.store.users.change(account.id, role=body.role, disabled=body.disabled, limits=limits)
    except LastAdminError as error:
        raise last_admin() from error
    if changed is None:
        raise not_found("user")
    await services.access.check()
    return AdminUserView.of_account(changed, services.quotas)


@router.delete(
    "/api/admin/users/{name}", status_code=204, dependencies=[Depends(room_to_delete)], responses=errors(404, 409, 503)
)
async def delete_user(account: Account = Depends(named_account), services: Services = Depends(services_of)) -> Response:
    """Delete an account with its conversations, files, keys and usage. Can be repeated if it did not succeed."""
    try:
        await remove_account(account, services)
    except LastAdminError as error:
        raise last_admin() from error
    return Response(status_code=204)


@router.get("/api/admin/model")
async def get_model(services: Services = Depends(services_of)) -> ModelChoiceView:
    """The model that answers when a request names none, and the available models."""
    return ModelChoiceView(model=services.models.default, available=services.models.names)


@router.post("/api/admin/model", responses=errors(400, 404))
async def choose_model(
    body: ModelChoice, request: Request, services: Services = Depends(services_of)
) -> ModelChoiceView:
    """Set the model that answers requests that name none, for all users and after restarts. 404 if the backend does not
    have it.
    """
    note(request, body.model)
    await services.models.choose(body.model)
    return ModelChoiceView(model=services.models.default, available=services.models.names)


@router.get("/api/admin/usage", responses=errors(400))
async def usage_of_all(
    days: int = Query(default=30, ge=1, le=MAX_DAYS),
    user: str | None = Query(default=None, max_length=64, description="a user's name"),
    services: Services = Depends(services_of),
) -> AdminUsageView:
    """Runs and tokens per user and day (UTC), newest first."""
    used = await services.store.usage.days(first_day(days), name=user)
    return AdminUsageView(
        days=[UserDay(**DayView.of(day).model_dump(), user_id=day.owner, username=day.name) for day in used]
    )


def last_admin() -> ApiError:
    return ApiError(409, "This is the last administrator; create another one first.", code="last_admin")


async def remove_account(account: Account, services: Services) -> None:
    """Delete sessions, files, keys, usage, and then the account itself. Raises `LastAdminError`.

    The first step disables the account and the last one deletes its row, so an interrupted deletion is visible and can
    be repeated.
    """
    store, user = services.store, account.id
    await store.users.change(user, disabled=True)
    await services.access.check()
    while ids := await store.sessions.ids(user):  # a running request may have created another one
        for session in ids:
            with contextlib.suppress(ApiError):  # the owner deleted it first
                await services.deletions.delete(session, user)
    for name in await store.files.names(user):
        with contextlib.suppress(ApiError):
            await services.files.remove(user, name)
    await services.documents.drop_user(user)  # also stops indexing for the user before the folder is deleted
    await asyncio.to_thread(shutil.rmtree, services.settings.user_dir(user), ignore_errors=True)
    await store.api_keys.revoke_all(user)
    await store.usage.forget(user)
    await services.models.choose_for(user, None)
    await store.users.delete(user)
