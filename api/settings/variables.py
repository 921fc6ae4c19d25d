"""The environment variables, derived from the fields of the settings.

A field is read from the variable PREFIX + FIELD. The prefix of a topic is stated where the topics are listed; that of
a model inside a topic is the name of its field (`ollama`: `OLLAMA_`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from workspace.settings_model import NoVariable


@dataclass(frozen=True, slots=True)
class Topic:
    """A group of settings: one section of `.env.example` and `docs/settings.md`."""

    title: str
    prefix: str = ""
    page: str = ""
    """The page in `docs` with details."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable and the field that it sets."""

    name: str
    path: tuple[str, ...]
    """Field names from the root settings down to the field."""
    model: type[BaseModel]
    """The model that has the field."""
    field: FieldInfo

    @property
    def secret(self) -> bool:
        return SecretStr in _types(self.field.annotation)

    def value(self, given: object) -> object:
        """The field's input: text with commas becomes several values, and empty text becomes None where None is
        allowed.
        """
        if not isinstance(given, str):
            return given
        if get_origin(self.field.annotation) is tuple:
            return tuple(part.strip() for part in given.split(",") if part.strip())
        return None if given == "" and type(None) in _types(self.field.annotation) else given


def variables_of(model: type[BaseModel], prefix: str = "", path: tuple[str, ...] = ()) -> Iterator[Variable]:
    """All variables of a model and its nested models, in field order."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from variables_of(inner, _prefix(name, field), (*path, name))
        elif not any(isinstance(mark, NoVariable) for mark in field.metadata):
            yield Variable(f"{prefix}{name}".upper(), (*path, name), model, field)


def tree_of(model: type[BaseModel], given: Mapping[str, object]) -> dict[str, Any]:
    """The input for validating `model`, from the values of variables by name. Unknown names are ignored."""
    tree: dict[str, Any] = {}
    for variable in variables_of(model):
        if variable.name in given:
            branch = tree
            for name in variable.path[:-1]:
                branch = branch.setdefault(name, {})
            branch[variable.path[-1]] = variable.value(given[variable.name])
    return tree


def _prefix(name: str, field: FieldInfo) -> str:
    return next((mark.prefix for mark in field.metadata if isinstance(mark, Topic)), f"{name}_")


def _types(annotation: object) -> list[object]:
    """The annotation and all types inside it."""
    return [annotation, *(part for inner in get_args(annotation) for part in _types(inner))]
