"""The tools that the model may call: one file per tool, each listed here."""

from typing import Any, Protocol

from langchain_core.tools import BaseTool
from pydantic import BaseModel

from tools import file_analyzer, python_coder, rag_retriever, read_page, vision_analyzer, web_search
from tools.agent_tool import AgentTool
from tools.files import reader
from tools.kit import ToolKit
from tools.names import FILE_ANALYZER, PYTHON_CODER, RAG_RETRIEVER, READ_PAGE, VISION_ANALYZER, WEB_SEARCH
from tools.purpose import Purpose
from tools.vision import images, ocr
from tools.web import extract


class ToolModule(Protocol):
    """The contents of a tool's file."""

    DESCRIPTION: str
    INPUT: type[BaseModel]
    PURPOSE: Purpose

    def build(self, kit: ToolKit) -> AgentTool:
        """The tool for one session. Its artifact is a `tools.results.Extras`."""


TOOLS: dict[str, ToolModule] = {
    PYTHON_CODER: python_coder,
    FILE_ANALYZER: file_analyzer,
    RAG_RETRIEVER: rag_retriever,
    READ_PAGE: read_page,
    VISION_ANALYZER: vision_analyzer,
    WEB_SEARCH: web_search,
}

PRELOAD = (*reader.PRELOAD, *extract.PRELOAD, *images.PRELOAD, *ocr.PRELOAD)
"""Modules that the workers of all tools should preload."""


def build_all(kit: ToolKit) -> dict[str, BaseTool]:
    """All enabled tools of one session, by name."""
    return {name: tool.build(kit) for name, tool in TOOLS.items() if name not in kit.off}


def describe_all(off: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """Name, description and JSON schema of the input of each tool that is not `off`."""
    return [
        {"name": name, "description": tool.DESCRIPTION, "input_schema": tool.INPUT.model_json_schema()}
        for name, tool in TOOLS.items()
        if name not in off
    ]
