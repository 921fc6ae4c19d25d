"""`GET /health`: whether the service can answer."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request

from api.dependencies import services_of
from api.routes.models import names
from api.services import Services
from llm.served.chat import ServedChat
from llm.served.server_pool import Upstream

router = APIRouter()


@router.get("/health")
async def health(request: Request, services: Services = Depends(services_of)) -> dict[str, Any]:
    """Always 200 while the service is running; the body says what is missing."""
    upstreams = _upstreams(services)
    return {
        "status": "ok" if all(upstream.connected for upstream in upstreams.values()) else "degraded",
        "backend": services.settings.models.llm_backend,
        **_connections(upstreams),
        "models_available": names(services),
        "sandbox": _sandbox(services),
        "version": request.app.version,
    }


def _upstreams(services: Services) -> dict[str, Upstream]:
    """The servers in use, by backend."""
    models = (services.models.get(services.models.default), services.kits.coder, services.kits.vision)
    return {model._llm_type: model.upstream for model in models if isinstance(model, ServedChat)}


def _connections(upstreams: Mapping[str, Upstream]) -> dict[str, Any]:
    """`ollama_connection`, `openai_connection`: the last known state of the servers; if there are several, also how
    many are healthy.
    """
    told: dict[str, Any] = {}
    for backend, upstream in upstreams.items():
        told[f"{backend}_connection"] = "connected" if upstream.connected else "disconnected"
        if upstream.total > 1:
            told[f"{backend}_servers"] = {"connected": upstream.well, "total": upstream.total}
    return told


def _sandbox(services: Services) -> dict[str, Any]:
    """Details of missing sandbox mechanisms are only returned where only the machine's owner can ask."""
    sandbox = services.sandbox
    told: dict[str, Any] = {"level": sandbox.level.value}
    if not services.settings.login_required:
        told |= {"mechanisms": sandbox.mechanisms, "missing": sandbox.missing}
    return told
