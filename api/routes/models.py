"""`/v1/models`: the backend's models and the modes; `/api/auth/me/model`: the user's default model."""

from fastapi import APIRouter, Depends

from api.accounts.schemas import ModelChoiceView, OwnModelChoice
from api.dependencies import current_user, services_of
from api.errors import not_found
from api.openapi import errors
from api.services import Services
from api.wire.chat_request import AGENT_TYPES
from api.wire.models import DESCRIPTIONS, Description, ModelInfo, ModelList, ModelMeta, ModelView
from checkpoints.users import User
from nodes.route import AUTO

router = APIRouter()
KNOWN_USER = [Depends(current_user)]


@router.get("/v1/models", dependencies=KNOWN_USER)
async def list_models(services: Services = Depends(services_of)) -> ModelList:
    """List the modes, `auto` first, and then the backend's models, the default first."""
    return ModelList(data=[_model(name, services) for name in names(services)])


@router.get("/v1/models/{model_id:path}", dependencies=KNOWN_USER, responses=errors(404))
async def get_model(model_id: str, services: Services = Depends(services_of)) -> ModelView:
    """One model. 404 if there is no model with that name."""
    if model_id not in names(services):
        raise not_found(f"model {model_id!r}", "model")
    return _model(model_id, services)


def names(services: Services) -> list[str]:
    """The modes, then the backend's models; the first of each are the defaults."""
    models = services.models
    return list(dict.fromkeys([*AGENT_TYPES, models.default, *models.names]))


def _model(name: str, services: Services) -> ModelView:
    models, is_mode = services.models, name in AGENT_TYPES
    told = DESCRIPTIONS.get(name, Description(name, "A mode.")) if is_mode else _of_backend(name, services)
    return ModelView(
        id=name,
        owned_by="llm-api" if is_mode else services.settings.models.llm_backend,
        name=told.name,
        description=told.text,
        context_length=getattr(models.get(models.default if is_mode else name), "window", None),
        info=ModelInfo(meta=ModelMeta(description=told.text)),
    )


def _of_backend(name: str, services: Services) -> Description:
    backend, default = services.settings.models.llm_backend, name == services.models.default
    used = " The modes use it unless you choose another model." if default else ""
    return Description(f"{name} ({backend})", f"A language model, which answers in the mode {AUTO}.{used}")


@router.get("/api/auth/me/model", tags=["accounts"], responses=errors(401, 429))
async def own_model(services: Services = Depends(services_of), user: User = Depends(current_user)) -> ModelChoiceView:
    """The model that answers when your request names none, and the available models."""
    return await _view(services, user)


@router.put("/api/auth/me/model", tags=["accounts"], responses=errors(400, 401, 403, 404, 429))
async def choose_own_model(
    body: OwnModelChoice, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> ModelChoiceView:
    """Set the model that answers your requests that name none. 403 if users may not choose; 404 if it does not
    exist.
    """
    if body.model is not None:
        services.models.check_choice(body.model, user)
    await services.models.choose_for(user.id, body.model)
    return await _view(services, user)


async def _view(services: Services, user: User) -> ModelChoiceView:
    if not services.models.may_choose(user):
        return ModelChoiceView(model=services.models.default, available=[services.models.default])
    return ModelChoiceView(model=await services.models.default_of(user), available=services.models.names)
