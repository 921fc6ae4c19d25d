"""What routes ask for."""

from collections.abc import Awaitable, Callable

from fastapi import Depends, Request
from starlette.datastructures import Headers

from api.errors import ApiError, not_found
from api.services import Services
from checkpoints.sessions import Session
from checkpoints.users import LOCAL, Role, User


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def authenticate(headers: Headers, services: Services) -> User:  # noqa: ARG001
    """Who asks, by the headers of a request or of a WebSocket's handshake. Raises 401."""
    return LOCAL


async def current_user(request: Request, services: Services = Depends(services_of)) -> User:
    """Who asks. Raises 401 without a valid token where one is required."""
    return await authenticate(request.headers, services)


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
