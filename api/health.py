"""`GET /health`: is the service able to answer?"""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends

from api.dependencies import services_of
from api.models import names
from api.services import Services
from llm.served import ServedChat

router = APIRouter()


@router.get("/health")
async def health(services: Services = Depends(services_of)) -> dict[str, Any]:
    """Always 200 while the service answers; what is missing is said in words."""
    connections = _connections(services)
    return {
        "status": "degraded" if "disconnected" in connections.values() else "ok",
        "backend": services.settings.llm_backend,
        **connections,
        "models_available": names(services),
        "sandbox": _sandbox(services),
        "version": version("llm-api"),
    }


def _connections(services: Services) -> dict[str, str]:
    """`ollama_connection`, `openai_connection`: where such servers are in use, how they were found last."""
    models = (services.model, services.coder, services.vision)
    return {
        f"{model._llm_type}_connection": "connected" if model.upstream.connected else "disconnected"
        for model in models
        if isinstance(model, ServedChat)
    }


def _sandbox(services: Services) -> dict[str, Any]:
    """Which walls are missing is nothing for strangers: they are told where only the machine's owner can ask."""
    sandbox = services.sandbox
    told: dict[str, Any] = {"level": sandbox.level.value}
    if not services.settings.login_required:
        told |= {"mechanisms": sandbox.mechanisms, "missing": sandbox.missing}
    return told
