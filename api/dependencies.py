"""What routes ask for."""

from fastapi import Depends, Request

from api.errors import not_found
from api.services import Services
from checkpoints.sessions import Session

LOCAL_USER = "local"


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def current_user() -> str:
    """Who asks. The service listens on loopback only, so everybody is the machine's own user."""
    return LOCAL_USER


async def own_session(
    session_id: str, services: Services = Depends(services_of), user: str = Depends(current_user)
) -> Session:
    """The session in the path. 404 when there is none, and when it is somebody else's."""
    session = await services.store.sessions.get(session_id, user)
    if session is None:
        raise not_found("session")
    return session
