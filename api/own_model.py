"""`/api/auth/me/model`: which of the backend's models answers a user, where the administrator leaves it to them."""

from fastapi import APIRouter, Depends

from api.account_schemas import ModelChoiceView, OwnModelChoice
from api.dependencies import current_user, services_of
from api.documented import errors
from api.errors import ApiError
from api.services import Services
from checkpoints.users import User

router = APIRouter(tags=["accounts"])


@router.get("/api/auth/me/model", responses=errors(401, 429))
async def own_model(services: Services = Depends(services_of), user: User = Depends(current_user)) -> ModelChoiceView:
    """The model that answers when a request names none, and those that could."""
    return await _view(services, user)


@router.put("/api/auth/me/model", responses=errors(400, 401, 403, 404, 429))
async def choose_own_model(
    body: OwnModelChoice, services: Services = Depends(services_of), user: User = Depends(current_user)
) -> ModelChoiceView:
    """Another model answers this user from now on. 403 where users may not choose, 404 when there is none such."""
    if body.model is not None:
        check_choice(body.model, services, user)
    await services.models.choose_for(user.id, body.model)
    return await _view(services, user)


def may_choose(services: Services, user: User) -> bool:
    return services.settings.allow_model_choice or user.role == "admin"


def check_choice(model: str, services: Services, user: User) -> None:
    """Raises 403 for another model than the default one where users may not choose."""
    if model != services.models.default and not may_choose(services, user):
        raise ApiError(403, "Only administrators choose the model here.", param="model", code="forbidden")


async def _view(services: Services, user: User) -> ModelChoiceView:
    if not may_choose(services, user):
        return ModelChoiceView(model=services.models.default, available=[services.models.default])
    return ModelChoiceView(model=await services.models.default_of(user.id), available=services.models.names)
