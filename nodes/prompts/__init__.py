"""The prompts: one Markdown file each, in a folder a mode, rendered strictly: a missing variable is an error."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@cache
def _environment() -> Environment:
    # These are our own templates and their output is a prompt, not HTML: nothing is to be escaped.
    return Environment(  # noqa: S701
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        keep_trailing_newline=False,
        auto_reload=False,
    )


def render(name: str, **values: str) -> str:
    """The prompt in `<name>.md`, for example `react/cite`. Raises `jinja2.UndefinedError` for a missing variable."""
    return _environment().get_template(f"{name}.md").render(**values)
