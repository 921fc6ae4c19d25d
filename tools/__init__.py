"""What the model may call: one file a tool, listed in one line here."""

from typing import Any, Protocol

from langchain_core.tools import BaseTool
from pydantic import BaseModel

from tools import file_analyzer, python_coder
from tools.kit import ToolKit


class ToolModule(Protocol):
    """What a tool's file defines."""

    DESCRIPTION: str
    INPUT: type[BaseModel]

    def build(self, kit: ToolKit) -> BaseTool:
        """The tool of one session. Its artifact is a `tools.results.Extras`."""


TOOLS: dict[str, ToolModule] = {
    "python_coder": python_coder,
    "file_analyzer": file_analyzer,
}


def build_all(kit: ToolKit) -> dict[str, BaseTool]:
    """All tools of one session, by name."""
    return {name: tool.build(kit) for name, tool in TOOLS.items()}


def describe_all() -> list[dict[str, Any]]:
    """Name, description and JSON schema of each tool's input."""
    return [
        {"name": name, "description": tool.DESCRIPTION, "input_schema": tool.INPUT.model_json_schema()}
        for name, tool in TOOLS.items()
    ]
