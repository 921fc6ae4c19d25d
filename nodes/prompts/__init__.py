"""The steps' prompts: one Markdown file each, in a folder per mode."""

from pathlib import Path

from tools.prompts import render_prompt


def render(name: str, **values: str) -> str:
    """The prompt in `<name>.md`, for example `react/cite`, rendered strictly (`tools/prompts.py`)."""
    return render_prompt(Path(__file__).parent, name, **values)
