"""`GET /v1/models`: the backend's model, and each mode as a model."""

from typing import Any

from fastapi import APIRouter, Depends

from api.dependencies import current_user, services_of
from api.documented import errors
from api.errors import not_found
from api.schemas import AGENT_TYPES
from api.services import Services

router = APIRouter(dependencies=[Depends(current_user)])


@router.get("/v1/models")
async def list_models(services: Services = Depends(services_of)) -> dict[str, Any]:
    """All models, in OpenAI's shape."""
    return {"object": "list", "data": [_model(name, services) for name in names(services)]}


@router.get("/v1/models/{model_id:path}", responses=errors(404))
async def get_model(model_id: str, services: Services = Depends(services_of)) -> dict[str, Any]:
    """One model. 404 when there is none of that name."""
    if model_id not in names(services):
        raise not_found(f"model as {model_id!r}", "model")
    return _model(model_id, services)


def names(services: Services) -> list[str]:
    return [*services.models.names, *AGENT_TYPES]


def _model(name: str, services: Services) -> dict[str, Any]:
    owner = "llm-api" if name in AGENT_TYPES else services.settings.llm_backend
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
