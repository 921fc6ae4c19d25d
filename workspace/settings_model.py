"""The base of all settings models.

Settings are defined next to the code that uses them, each field with a default, a description and its checks. Only
`api.settings` reads the environment; it derives the variables from the fields.
"""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

T = TypeVar("T")


class SettingsError(Exception):
    """A one-line message about an invalid value."""


class SettingsModel(BaseModel):
    """Base of all settings. The string below a field is its description in `docs/settings.md`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, hide_input_in_errors=True
    )


class NoVariable:
    """Marks a field without an environment variable."""


Internal = Annotated[T, NoVariable()]
"""A constant of the service that tests can change, but operators cannot."""


def _not_empty(value: object) -> object:
    if value == "":
        raise ValueError("must not be empty")  # it would be the current folder
    return value


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("names a user without a home folder") from error


AbsolutePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_absolute)]
"""`~` is the user's home. Relative paths are resolved against the current folder when the settings are read, because
child processes run in other folders.
"""


def _http_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return url.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""Without a trailing slash."""
