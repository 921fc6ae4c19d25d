"""The backend's models, the default model, and downloads of missing weights."""

import logging
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel

from api.errors import ApiError, not_found
from checkpoints.choices import Choices
from checkpoints.users import User
from llm import catalog, fetch
from llm.served.chat import ServedChat
from llm.settings import ModelSettings

log = logging.getLogger(__name__)

CHOICE = "model"


class ModelRegistry:
    """The models in the service and those that its servers list. The default is the first configured model unless an
    administrator chooses another.
    """

    def __init__(self, models: Sequence[BaseChatModel], choices: Choices, *, users_choose: bool) -> None:
        self._models = list(models)
        self._users_choose = users_choose
        self._chosen: str | None = None
        self._choices = choices

    @property
    def names(self) -> list[str]:
        """The list can change while the service runs, because servers add and remove models."""
        listed = [name for model in self._models if isinstance(model, ServedChat) for name in model.upstream.models]
        return list(dict.fromkeys([*map(name_of, self._models), *listed]))

    @property
    def default(self) -> str:
        if self._chosen is not None and self._chosen in self.names:
            return self._chosen
        return name_of(self._models[0])

    def get(self, name: str) -> BaseChatModel:
        """Raises 404 with the names of the available models."""
        for model in self._models:
            if name_of(model) == name:
                return model
        for model in self._models:
            if isinstance(model, ServedChat) and name in model.upstream.models:
                return model.other(name)
        raise not_found(f"model {name!r}; available models: {', '.join(self.names)}", "model")

    async def ready(self, name: str) -> BaseChatModel:
        """Like `get`, but also queries the capabilities of a model on a server."""
        model = self.get(name)
        if isinstance(model, ServedChat):
            await model.ready()
        return model

    def may_choose(self, user: User) -> bool:
        return self._users_choose or user.role == "admin"

    def check_choice(self, name: str, user: User) -> None:
        """Raises 403 if users may not choose a model and this is not the default."""
        if name != self.default and not self.may_choose(user):
            raise ApiError(403, "Only administrators can choose the model.", param="model", code="forbidden")

    async def choice_of(self, user: User, name: str) -> str:
        """The model with that name, or the user's default if there is none. Raises 403 if users may not choose."""
        if name not in self.names:
            return await self.default_of(user)
        self.check_choice(name, user)
        return name

    async def default_of(self, user: User) -> str:
        """The model that answers the user when a request names none: the user's choice, if it exists and users may
        choose; otherwise the default.
        """
        if not self.may_choose(user):
            return self.default
        chosen = await self._choices.get(_of(user.id))
        return chosen if chosen is not None and chosen in self.names else self.default

    async def choose_for(self, user: str, name: str | None) -> None:
        """Set the model that answers this user when a request names none; None resets it to the default. Raises 404."""
        if name is None:
            await self._choices.forget(_of(user))
            return
        self.get(name)
        await self._choices.set(_of(user), name)

    async def restore(self) -> None:
        """Restore an administrator's choice from before the last shutdown, as soon as the backend has the model."""
        self._chosen = await self._choices.get(CHOICE)
        if self._chosen is not None and self._chosen not in self.names:
            log.warning("the model chosen by an administrator is not available; using %s", self.default)

    async def choose(self, name: str) -> None:
        """Make this the default model, also after a restart. Raises 404."""
        self.get(name)
        await self._choices.set(CHOICE, name)
        self._chosen = name


def _of(user: str) -> str:
    return f"{CHOICE}/{user}"


def name_of(model: BaseChatModel) -> str:
    return str(getattr(model, "name_", model.__class__.__name__))


def fetch_chat(settings: ModelSettings) -> None:
    """Fetch the embedded chat model if it is missing. Raises `FetchError`, `OSError`."""
    if "llamacpp" in (settings.llm_backend, settings.coder_backend) and settings.llamacpp.model_path is None:
        default, entries = catalog.load()
        fetch.ensure(entries[default], catalog.models_dir(settings.models_dir))


def fetch_vectors(settings: ModelSettings) -> None:
    """Fetch the embedding model if it is missing. The service also starts without it; searches then report this."""
    if settings.embedding.backend != "fastembed" or settings.embedding.model_path is not None:
        return
    try:
        fetch.ensure(catalog.load()[1][catalog.VECTORS], catalog.models_dir(settings.models_dir))
    except (fetch.FetchError, OSError) as error:
        log.warning("Document search is not available: %s", error)
