"""The backend's models, and the one that answers when a request names none."""

import logging
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel

from api.errors import not_found
from checkpoints.choices import Choices

log = logging.getLogger(__name__)

CHOICE = "model"


class BackendModels:
    """At least one model. The default is the first, until an administrator chooses another."""

    def __init__(self, models: Sequence[BaseChatModel], choices: Choices) -> None:
        self._models = {_name(model): model for model in models}
        self._default = next(iter(self._models))
        self._choices = choices

    @property
    def names(self) -> list[str]:
        return list(self._models)

    @property
    def default(self) -> str:
        return self._default

    def get(self, name: str) -> BaseChatModel:
        """Raises 404 with the names that there are."""
        if name not in self._models:
            raise not_found(f"model as {name!r}; there are: {', '.join(self._models)}", "model")
        return self._models[name]

    async def restore(self) -> None:
        """Take up what was chosen before the last stop, if the backend still has it."""
        chosen = await self._choices.get(CHOICE)
        if chosen in self._models:
            self._default = chosen
        elif chosen is not None:
            log.warning("the model chosen by an administrator is gone; %s answers", self._default)

    async def choose(self, name: str) -> None:
        """From now on, and after a restart, this one is the default. Raises 404."""
        self.get(name)
        await self._choices.set(CHOICE, name)
        self._default = name


def _name(model: BaseChatModel) -> str:
    return str(getattr(model, "name_", model.__class__.__name__))
