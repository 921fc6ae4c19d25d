"""`/api/conversations/{id}/variables`: what a session's Python knows."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends

from api.dependencies import current_user, services_of
from api.errors import not_found
from api.services import Services

router = APIRouter()


@router.get("/api/conversations/{session_id}/variables")
async def list_variables(
    session_id: str, services: Services = Depends(services_of), user: str = Depends(current_user)
) -> dict[str, Any]:
    """Name, type, shape, size in bytes, whether it is kept when the kernel ends, and why not."""
    if await services.store.sessions.get(session_id, user) is None:
        raise not_found("session")
    variables = await services.workspaces.variables(session_id, user)
    return {"variables": [asdict(variable) for variable in variables]}
