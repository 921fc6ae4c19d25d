"""`/api/conversations/{id}/variables`: what a session's Python knows."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends

from api.dependencies import own_session, services_of
from api.services import Services
from checkpoints.sessions import Session

router = APIRouter()


@router.get("/api/conversations/{session_id}/variables")
async def list_variables(
    session: Session = Depends(own_session), services: Services = Depends(services_of)
) -> dict[str, Any]:
    """Name, type, shape, size in bytes, whether it is kept when the kernel ends, and why not."""
    variables = await services.workspaces.variables(session.id, session.owner)
    return {"variables": [asdict(variable) for variable in variables]}
