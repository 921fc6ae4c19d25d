"""`GET /health`: is the service able to answer?"""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends

from api.dependencies import services_of
from api.models import names
from api.services import Services

router = APIRouter()


@router.get("/health")
async def health(services: Services = Depends(services_of)) -> dict[str, Any]:
    """Always 200 while the service answers; what is missing is said in words."""
    return {
        "status": "ok",
        "backend": services.settings.llm_backend,
        "models_available": names(services),
        "sandbox": _sandbox(services),
        "version": version("llm-api"),
    }


def _sandbox(services: Services) -> dict[str, Any]:
    """Which walls are missing is nothing for strangers: they are told where only the machine's owner can ask."""
    sandbox = services.sandbox
    told: dict[str, Any] = {"level": sandbox.level.value}
    if not services.settings.login_required:
        told |= {"mechanisms": sandbox.mechanisms, "missing": sandbox.missing}
    return told
