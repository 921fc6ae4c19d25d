"""FastAPI dependencies shared by the routes."""

from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from api.errors import ApiError, not_found
from api.services import Services
from checkpoints.sessions import Session
from checkpoints.users import Role, User
from workspace.fair_share import TENANT


async def services_of(connection: HTTPConnection) -> Services:
    """For requests and WebSockets. A coroutine function, because FastAPI would call another one in a thread of a pool,
    for which every request, `/health` too, would have to wait.
    """
    services: Services = connection.app.state.services
    return services


async def authenticate(connection: HTTPConnection, services: Services) -> User:
    """The user of a request or WebSocket handshake; counts as one request. Raises 401, 429."""
    user = await services.accounts.authenticate(connection.headers)
    connection.state.user = user
    TENANT.set(user.id)
    services.quotas.request(user)
    return user


TOKEN = HTTPBearer(auto_error=False, scheme_name="token", description="a login token or an API key (`sk-…`)")
"""For the OpenAPI document; `authenticate` reads the header itself."""


async def current_user(
    connection: HTTPConnection, services: Services = Depends(services_of), _shown: object = Depends(TOKEN)
) -> User:
    """The current user. Raises 401 if a token is required and missing or invalid, 429 over the user's requests per
    minute.
    """
    return await authenticate(connection, services)


def require_role(*roles: Role) -> Callable[..., Awaitable[User]]:
    """A dependency that returns the user if they have one of these roles. Raises 403."""

    async def checked(user: User = Depends(current_user)) -> User:
        if user.role not in roles:
            raise ApiError(403, f"This requires the role {' or '.join(roles)}.", code="forbidden")
        return user

    return checked


member = require_role("user", "admin")
"""Users who may store files and run programs: everyone except guests."""
admin_only = require_role("admin")


async def room_to_delete(services: Services = Depends(services_of)) -> AsyncIterator[None]:
    """For routes that delete: they work on a full disk."""
    async with services.reserve.lent():
        yield


async def own_session(
    session_id: str, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> Session:
    """The session in the path. Raises 404 if it does not exist or belongs to another user."""
    session = await services.store.sessions.get(session_id, user.id)
    if session is None:
        raise not_found("session")
    return session
