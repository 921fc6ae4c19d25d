"""Settings read from the environment and from `.env` in the working folder."""

import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError

from api.settings.settings import Settings
from api.settings.variables import tree_of, variables_of
from workspace.settings_model import SettingsError


def load_settings() -> Settings:
    """The environment takes precedence over `.env`. Raises `SettingsError` with one line that names the variable."""
    found = {**_values_in(Path(".env")), **os.environ}
    given = {name.upper(): value for name, value in found.items() if value is not None}
    try:
        settings = settings_from(given)
    except ValidationError as error:
        raise SettingsError(_first_line(error, given)) from None
    _check(settings)
    return settings


def _values_in(file: Path) -> Mapping[str, str | None]:
    """Raises `SettingsError`."""
    if not file.is_file():
        return {}
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise SettingsError(f"{file}: {reason}") from error
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            statement = binding.original.string
            blank = statement[: len(statement) - len(statement.lstrip())]
            line = binding.original.line + blank.count("\n")
            raise SettingsError(f"{file}: line {line} is not of the form NAME=value")
    return dotenv_values(stream=StringIO(text))


def settings_from(given: Mapping[str, object]) -> Settings:
    """Settings from the values of variables by name. Unknown names are ignored. Raises `ValidationError`."""
    return Settings.model_validate(tree_of(Settings, given))


def _first_line(error: ValidationError, given: Mapping[str, object]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    variable = next(each for each in variables_of(Settings) if first["loc"][: len(each.path)] == each.path)
    text = str(given[variable.name])
    # A URL may contain a password.
    got = "" if variable.secret or "@" in text else f" (got {text!r})"
    return f"{variable.name}: {first['msg']}{got}"


def _check(settings: Settings) -> None:
    """Checks that involve several fields."""
    accounts, server = settings.accounts, settings.server
    if not (server.loopback or settings.login_required or accounts.allow_open_network):
        raise SettingsError(
            f"AUTH_REQUIRED: without a login, anyone who can reach {server.host} may run programs here; "
            "if something else keeps others out, say so with ALLOW_OPEN_NETWORK=true"
        )
    if accounts.secret_key_previous is not None and accounts.secret_key is None:
        raise SettingsError("SECRET_KEY_PREVIOUS: is set without SECRET_KEY, which signs the tokens")
    if "*" in settings.requests.cors_origins and not settings.login_required:
        raise SettingsError("CORS_ORIGINS: * requires AUTH_REQUIRED=true; otherwise any page could run programs here")
