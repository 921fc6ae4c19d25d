"""Validates the JSON body of a request."""

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from api.errors import bad_request

Model = TypeVar("Model", bound=BaseModel)
MAX_STOP = 1000
"""Maximum length of a stop sequence: after each token, the text is compared with every beginning of it."""


def validated(
    model: type[Model], fields: Mapping[str, Any], refused: Mapping[str, tuple[Any, ...]], *, strict: bool | None = None
) -> Model:
    """The body as `model`; a field that is null has its default. `refused` are the fields that are not supported, with
    the values that have no effect.

    Raises 400 that names the field.
    """
    for name, harmless in refused.items():
        if fields.get(name) not in harmless:
            raise bad_request(f"{name} is not supported by this service", name, "unsupported_field")
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return model.model_validate(given, strict=strict)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def short_stops(stop: str | list[str]) -> str | list[str]:
    """Raises ValueError if a stop sequence is too long."""
    if any(len(one) > MAX_STOP for one in ([stop] if isinstance(stop, str) else stop)):
        raise ValueError(f"a stop sequence may have at most {MAX_STOP} characters")
    return stop
