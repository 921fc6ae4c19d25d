"""What routes ask for."""

from fastapi import Request

from api.services import Services

LOCAL_USER = "local"


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def current_user() -> str:
    """Who asks. The service listens on loopback only, so everybody is the machine's own user."""
    return LOCAL_USER
