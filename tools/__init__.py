"""What the model may call: one file a tool, each with a `build`."""

from collections.abc import Callable
from typing import Any

from langchain_core.tools import BaseTool

from tools import python_coder
from workspace.session import SessionWorkspace

TOOLS = {
    "python_coder": python_coder.build,
}


def build_all(workspace: SessionWorkspace, on_output: Callable[[str], None] | None = None) -> dict[str, BaseTool]:
    """All tools of one session, by name; `on_output` hears what they print while they run."""
    return {name: build(workspace, on_output) for name, build in TOOLS.items()}


def describe_all() -> list[dict[str, Any]]:
    """Name, description and JSON schema of each tool's input."""
    return [
        {"name": kind.NAME, "description": kind.DESCRIPTION, "input_schema": kind.PythonCoderInput.model_json_schema()}
        for kind in (python_coder,)
    ]
