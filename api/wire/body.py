"""Validates the JSON body of a request."""

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from api.errors import bad_request

Model = TypeVar("Model", bound=BaseModel)


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
