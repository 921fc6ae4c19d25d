"""The base class of all tools."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from langchain_core.tools import BaseTool
from pydantic import ConfigDict
from typing_extensions import override

from tools.errors import ToolFailed
from tools.purpose import Purpose

PLAIN = Purpose(kind="reading")
"""For tools that do not define a purpose."""


class AgentTool(BaseTool):
    """Runs asynchronously, returns its observation and a `tools.results.Extras`, and has a purpose."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    purpose: ClassVar[Purpose]

    @override
    def _run(self, *args: Any, **kwargs: Any) -> Any:
        raise ToolFailed(f"{self.name} only runs asynchronously")


def purposes_of(tools: Mapping[str, BaseTool]) -> dict[str, Purpose]:
    """The purposes of tools; a tool that is not an `AgentTool` is only called when a model names it."""
    return {name: tool.purpose if isinstance(tool, AgentTool) else PLAIN for name, tool in tools.items()}


def program_tool_of(tools: Mapping[str, BaseTool]) -> str | None:
    """The name of the tool that runs programs; None if there is none."""
    return next((name for name, purpose in purposes_of(tools).items() if purpose.kind == "computation"), None)
