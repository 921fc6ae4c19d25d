"""`GET /health`: is the service able to answer?"""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends

from api.dependencies import services_of
from api.models import names
from api.services import Services

router = APIRouter()

NO_SANDBOX = {"level": "none", "mechanisms": [], "missing": ["namespaces", "landlock", "seccomp"]}
"""Kernels are processes of the service's own user, with a clean environment; nothing else holds them back."""


@router.get("/health")
async def health(services: Services = Depends(services_of)) -> dict[str, Any]:
    """Always 200 while the service answers; what is missing is said in words."""
    return {
        "status": "ok",
        "backend": services.settings.llm_backend,
        "models_available": names(services),
        "sandbox": NO_SANDBOX,
        "version": version("llm-api"),
    }
