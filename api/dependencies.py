"""What routes ask for."""

from collections.abc import Awaitable, Callable

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from api.errors import ApiError, not_found
from api.services import Services
from checkpoints.sessions import Session
from checkpoints.users import Role, User


def services_of(connection: HTTPConnection) -> Services:
    """For requests and WebSockets."""
    services: Services = connection.app.state.services
    return services


async def authenticate(connection: HTTPConnection, services: Services) -> User:
    """Who asks, in a request or in a WebSocket's handshake; counted as one request. Raises 401, 429."""
    user = await services.accounts.authenticate(connection.headers)
    connection.state.user = user
    services.quotas.request(user)
    return user


TOKEN = HTTPBearer(auto_error=False, scheme_name="token", description="the token of a login, or a key (`sk-…`)")
"""For the OpenAPI document; `authenticate` reads the header itself."""


async def current_user(
    connection: HTTPConnection, services: Services = Depends(services_of), _shown: object = Depends(TOKEN)
) -> User:
    """Who asks. Raises 401 without a valid token where one is required, 429 beyond the user's requests per minute."""
    return await authenticate(connection, services)


def require_role(*roles: Role) -> Callable[..., Awaitable[User]]:
    """A dependency: the user, when of one of these roles. Raises 403."""

    async def checked(user: User = Depends(current_user)) -> User:
        if user.role not in roles:
            raise ApiError(403, f"This needs the role {' or '.join(roles)}.", code="forbidden")
        return user

    return checked


member = require_role("user", "admin")
"""Whoever may store files and run programs: everybody but guests."""
admin_only = require_role("admin")


async def own_session(
    session_id: str, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> Session:
    """The session in the path. 404 when there is none, and when it is somebody else's."""
    session = await services.store.sessions.get(session_id, user.id)
    if session is None:
        raise not_found("session")
    return session
