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
        "sandbox": {
            "level": services.sandbox.level.value,
            "mechanisms": services.sandbox.mechanisms,
            "missing": services.sandbox.missing,
        },
        "version": version("llm-api"),
    }
