"""What `bind_tools` of our models takes, in one form: OpenAI's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

Tool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
Choice = Literal["auto", "none", "required"] | dict[str, Any]


def bound_arguments(
    tools: Sequence[Tool], tool_choice: str | bool | Mapping[str, Any] | None, parallel_tool_calls: bool | None
) -> dict[str, Any]:
    """The arguments that a model is bound to. Raises ValueError for a choice that names no tool."""
    formatted = [convert_to_openai_tool(tool) for tool in tools]
    arguments: dict[str, Any] = {"tools": formatted, "tool_choice": choice_of(tool_choice)}
    chosen(formatted, arguments["tool_choice"])
    if parallel_tool_calls is not None:
        arguments["parallel_tool_calls"] = parallel_tool_calls
    return arguments


def choice_of(tool_choice: str | bool | Mapping[str, Any] | None) -> Choice:
    """LangChain's and OpenAI's ways to say it: a word, a tool's name, `any`, True, or an object."""
    match tool_choice:
        case None | "auto":
            return "auto"
        case "none" | False:
            return "none"
        case "any" | "required" | True:
            return "required"
        case str(name):
            return {"type": "function", "function": {"name": name}}
    return dict(tool_choice)


def chosen(tools: Sequence[dict[str, Any]], choice: Choice) -> list[dict[str, Any]]:
    """The tools that may be called. Raises ValueError for a choice that names none of them."""
    if choice == "none":
        return []
    if isinstance(choice, str):
        return list(tools)
    named = (choice.get("function") or {}).get("name")
    found = [tool for tool in tools if tool["function"]["name"] == named]
    if not found:
        raise ValueError(f"tool_choice names {named!r}, which is not among the tools")
    return found
