"""Renders prompts from Markdown files, strictly: a missing variable is an error."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@cache
def _environment(folder: Path) -> Environment:
    # These are our own templates and their output is a prompt, not HTML: nothing needs escaping.
    return Environment(  # noqa: S701
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        keep_trailing_newline=False,
        auto_reload=False,
    )


def render_prompt(folder: Path, name: str, **values: str | bool) -> str:
    """The prompt in `<folder>/<name>.md`. Raises `jinja2.UndefinedError` if a variable is missing."""
    return _environment(folder).get_template(f"{name}.md").render(**values)
