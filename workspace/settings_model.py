"""What every model of settings is made of.

Settings stand beside the code that uses them, each field with a default, a sentence and its checks. Only `api.settings`
reads the environment; it derives the variables from the fields.
"""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

T = TypeVar("T")


class SettingsError(Exception):
    """One clear line about a wrong value."""


class SettingsModel(BaseModel):
    """Base of all settings. The string below a field is its description in `docs/settings.md`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, hide_input_in_errors=True
    )


class NoVariable:
    """Marks a field that no environment variable sets."""


Internal = Annotated[T, NoVariable()]
"""A constant of the service that tests change and operators do not."""

AbsolutePath = Annotated[Path, AfterValidator(Path.absolute)]
"""A relative path is one from the folder where the settings are read; child processes run in other folders."""


def _http_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""Without a slash at its end."""
