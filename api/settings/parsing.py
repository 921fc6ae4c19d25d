"""How values of the environment are read."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _empty_is_zero(value: object) -> object:
    return 0 if value == "" else value


def _is_http(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url.rstrip("/")


def _without_login(url: str) -> str:
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("must hold no name and password: they would stand in logs")
    return url


split = BeforeValidator(_split)
"""Names with commas between them."""
empty_is_none = BeforeValidator(_empty_is_none)
HttpUrl = Annotated[str, AfterValidator(_is_http)]
ServerUrl = Annotated[HttpUrl, AfterValidator(_without_login)]
"""Of a model server: it is named in the log."""
OptionalPath = Annotated[Path | None, empty_is_none]
OptionalNumber = Annotated[float | None, empty_is_none]
