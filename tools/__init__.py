"""What the model may call: one file a tool, listed in one line here."""

from collections.abc import Callable
from typing import Any, Protocol

from langchain_core.tools import BaseTool
from pydantic import BaseModel

from tools import python_coder
from workspace.session import SessionWorkspace

OnOutput = Callable[[str], None]


class ToolModule(Protocol):
    """What a tool's file defines."""

    DESCRIPTION: str
    INPUT: type[BaseModel]

    def build(self, workspace: SessionWorkspace, on_output: OnOutput | None = None) -> BaseTool:
        """The tool of one session; `on_output` hears what it prints while it runs."""


TOOLS: dict[str, ToolModule] = {
    "python_coder": python_coder,
}


def build_all(workspace: SessionWorkspace, on_output: OnOutput | None = None) -> dict[str, BaseTool]:
    """All tools of one session, by name."""
    return {name: tool.build(workspace, on_output) for name, tool in TOOLS.items()}


def describe_all() -> list[dict[str, Any]]:
    """Name, description and JSON schema of each tool's input."""
    return [
        {"name": name, "description": tool.DESCRIPTION, "input_schema": tool.INPUT.model_json_schema()}
        for name, tool in TOOLS.items()
    ]
