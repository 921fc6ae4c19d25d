"""What the model may call: one file a tool, each with a `build`."""

from collections.abc import Callable
from typing import Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel

from tools import python_coder
from workspace.session import SessionWorkspace

TOOLS = {
    "python_coder": python_coder.build,
}
INPUTS: dict[str, type[BaseModel]] = {
    "python_coder": python_coder.PythonCoderInput,
}
DESCRIPTIONS = {
    "python_coder": python_coder.DESCRIPTION,
}


def build_all(workspace: SessionWorkspace, on_output: Callable[[str], None] | None = None) -> dict[str, BaseTool]:
    """All tools of one session, by name; `on_output` hears what they print while they run."""
    return {name: build(workspace, on_output) for name, build in TOOLS.items()}


def describe_all() -> list[dict[str, Any]]:
    """Name, description and JSON schema of each tool's input."""
    return [
        {"name": name, "description": DESCRIPTIONS[name], "input_schema": schema.model_json_schema()}
        for name, schema in INPUTS.items()
    ]
