"""The backend's models, the one that answers when a request names none, and weights that are not there yet."""

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
    """The models in the service, and those that their servers list. The default is the first of the former, until an
    administrator chooses another.
    """

    def __init__(self, models: Sequence[BaseChatModel], choices: Choices, *, users_choose: bool) -> None:
        self._models = list(models)
        self._users_choose = users_choose
        self._chosen: str | None = None
        self._choices = choices

    @property
    def names(self) -> list[str]:
        """What a server lists changes while the service runs."""
        listed = [name for model in self._models if isinstance(model, ServedChat) for name in model.upstream.models]
        return list(dict.fromkeys([*map(name_of, self._models), *listed]))

    @property
    def default(self) -> str:
        if self._chosen is not None and self._chosen in self.names:
            return self._chosen
        return name_of(self._models[0])

    def get(self, name: str) -> BaseChatModel:
        """Raises 404 with the names that there are."""
        for model in self._models:
            if name_of(model) == name:
                return model
        for model in self._models:
            if isinstance(model, ServedChat) and name in model.upstream.models:
                return model.other(name)
        raise not_found(f"model as {name!r}; there are: {', '.join(self.names)}", "model")

    async def ready(self, name: str) -> BaseChatModel:
        """As `get`; a model on a server has been asked what it can do."""
        model = self.get(name)
        if isinstance(model, ServedChat):
            await model.ready()
        return model

    def may_choose(self, user: User) -> bool:
        return self._users_choose or user.role == "admin"

    def check_choice(self, name: str, user: User) -> None:
        """Raises 403 for another model than the default one where users may not choose."""
        if name != self.default and not self.may_choose(user):
            raise ApiError(403, "Only administrators choose the model here.", param="model", code="forbidden")

    async def choice_of(self, user: User, name: str) -> str:
        """The model of that name, or what answers the user when it is none of ours. Raises 403 for a name where users
        may not choose."""
        if name not in self.names:
            return await self.default_of(user)
        self.check_choice(name, user)
        return name

    async def default_of(self, user: User) -> str:
        """What answers the user when a request names no model: the user's own choice, as long as there is such a model
        and users may choose; else the default."""
        if not self.may_choose(user):
            return self.default
        chosen = await self._choices.get(_of(user.id))
        return chosen if chosen is not None and chosen in self.names else self.default

    async def choose_for(self, user: str, name: str | None) -> None:
        """What answers this user when a request names no model; None: the default. Raises 404."""
        if name is None:
            await self._choices.forget(_of(user))
            return
        self.get(name)
        await self._choices.set(_of(user), name)

    async def restore(self) -> None:
        """Take up what was chosen before the last stop, as soon as the backend has it."""
        self._chosen = await self._choices.get(CHOICE)
        if self._chosen is not None and self._chosen not in self.names:
            log.warning("the model chosen by an administrator is gone; %s answers", self.default)

    async def choose(self, name: str) -> None:
        """From now on, and after a restart, this one is the default. Raises 404."""
        self.get(name)
        await self._choices.set(CHOICE, name)
        self._chosen = name


def _of(user: str) -> str:
    return f"{CHOICE}/{user}"


def name_of(model: BaseChatModel) -> str:
    return str(getattr(model, "name_", model.__class__.__name__))


def fetch_chat(settings: ModelSettings) -> None:
    """The embedded model that answers. Raises `FetchError`, `OSError`."""
    if "llamacpp" in (settings.llm_backend, settings.coder_backend) and settings.llamacpp.model_path is None:
        default, entries = catalog.load()
        fetch.ensure(entries[default], catalog.models_dir(settings.models_dir))


def fetch_vectors(settings: ModelSettings) -> None:
    """The model that documents are searched with. The service also starts without it; the search then says so."""
    if settings.embedding.backend != "fastembed" or settings.embedding.model_path is not None:
        return
    try:
        fetch.ensure(catalog.load()[1][catalog.VECTORS], catalog.models_dir(settings.models_dir))
    except (fetch.FetchError, OSError) as error:
        log.warning("Documents cannot be searched: %s", error)
