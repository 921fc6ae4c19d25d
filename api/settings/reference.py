"""What people read about the settings, written from them: `docs/settings.md` and `.env.example`."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from itertools import groupby

from pydantic import SecretStr

from api.settings.settings import Settings
from api.settings.variables import Topic, Variable, variables_of

WIDTH = 110
PAGE = """\
# Settings

This page is written by `make docs`.

Settings are environment variables, which are also read from the file `.env` in the working folder; the environment
wins. `cp .env.example .env` is a good start: it lists every variable with its default. A wrong value stops the start
with one line that names the variable. Several values are separated by commas. A relative path starts at the working
folder.
"""
EXAMPLE = "# Copy to .env and change what you need. Every setting is listed with its default. Written by `make docs`.\n"
DATA, DATA_ABOUT = Topic("Data"), "Where data is kept."
"""For the fields of `Settings` itself."""


@dataclass(frozen=True, slots=True)
class Section:
    """The variables of one model."""

    topic: Topic | None
    """None for a model inside a topic."""
    about: str
    variables: tuple[Variable, ...]


def settings_page() -> str:
    """A table for each section."""
    return "\n".join([PAGE, *map(_table, _sections())])


def env_example() -> str:
    """Every variable with its default, below what it means."""
    return "\n".join([EXAMPLE, *map(_assignments, _sections())])


def _sections() -> Iterator[Section]:
    for path, group in groupby(variables_of(Settings), key=lambda variable: variable.path[:-1]):
        variables = tuple(group)
        about = cleandoc(variables[0].model.__doc__ or "") if path else DATA_ABOUT
        yield Section(_topic(path), about, variables)


def _topic(path: tuple[str, ...]) -> Topic | None:
    if not path:
        return DATA
    if len(path) > 1:
        return None
    return next(mark for mark in Settings.model_fields[path[0]].metadata if isinstance(mark, Topic))


def _table(section: Section) -> str:
    lines = [f"{_line(section.about)}", "", "| variable | default | meaning |", "|---|---|---|"]
    if (topic := section.topic) is not None:
        more = f" See [{topic.page}]({topic.page})." if topic.page else ""
        lines[:1] = [f"## {topic.title}", "", f"{_line(section.about)}{more}"]
    for variable in section.variables:
        default = _default(variable)
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{variable.name}` | {shown} | {_line(variable.field.description)} |")
    return "\n".join([*lines, ""])


def _assignments(section: Section) -> str:
    lines = _comment(section.about)
    if (topic := section.topic) is not None:
        page = f" (docs/{topic.page})" if topic.page else ""
        lines.insert(0, f"# --- {topic.title}{page} ".ljust(WIDTH, "-"))
    lines.append("")
    for variable in section.variables:
        lines += [*_comment(variable.field.description), f"{variable.name}={_default(variable)}"]
    return "\n".join([*lines, ""])


def _comment(text: str | None) -> list[str]:
    return textwrap.wrap(_line(text).replace("`", ""), WIDTH, initial_indent="# ", subsequent_indent="# ")


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _default(variable: Variable) -> str:
    """The default as the variable would be written."""
    match variable.field.default:
        case None:
            return ""
        case bool(value):
            return str(value).lower()
        case float(value):
            return f"{value:g}"
        case tuple(values):
            return ",".join(map(str, values))
        case SecretStr() as secret:
            return secret.get_secret_value()
        case value:
            return str(value)
