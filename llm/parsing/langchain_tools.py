"""Normalizes the arguments of `bind_tools` to OpenAI's format."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from llm.parsing.tool_calls import CallPiece, Part

Tool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
Choice = Literal["auto", "none", "required"] | dict[str, Any]


def bound_arguments(
    tools: Sequence[Tool], tool_choice: str | bool | Mapping[str, Any] | None, parallel_tool_calls: bool | None
) -> dict[str, Any]:
    """The arguments to bind to a model. Raises ValueError for a choice that names no tool."""
    formatted = [convert_to_openai_tool(tool) for tool in tools]
    arguments: dict[str, Any] = {"tools": formatted, "tool_choice": choice_of(tool_choice)}
    chosen(formatted, arguments["tool_choice"])
    if parallel_tool_calls is not None:
        arguments["parallel_tool_calls"] = parallel_tool_calls
    return arguments


def choice_of(tool_choice: str | bool | Mapping[str, Any] | None) -> Choice:
    """From LangChain's and OpenAI's notations: a word, a tool's name, `any`, True, or an object."""
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
        raise ValueError(f"tool_choice names {named!r}, which is not in tools")
    return found


def part_chunk(part: Part) -> AIMessageChunk:
    """A piece of text or of a call."""
    if not isinstance(part, CallPiece):
        return AIMessageChunk(content=part.text)
    piece = tool_call_chunk(name=part.name, args=part.arguments, id=part.id, index=part.index)
    return AIMessageChunk(content="", tool_call_chunks=[piece])


def joined(chunks: Sequence[ChatGenerationChunk]) -> ChatResult:
    """The complete reply. A truncated call becomes an invalid one."""
    parts = [chunk.message for chunk in chunks if isinstance(chunk.message, AIMessageChunk)]
    whole = add_ai_message_chunks(parts[0], *parts[1:])
    calls, cut = [], []
    for piece in whole.tool_call_chunks:
        try:
            calls.append(tool_call(name=piece["name"] or "", args=json.loads(piece["args"] or "{}"), id=piece["id"]))
        except (ValueError, RecursionError) as error:
            cut.append(invalid_tool_call(name=piece["name"], args=piece["args"], id=piece["id"], error=str(error)))
    message = AIMessage(
        content=whole.content,
        tool_calls=calls,
        invalid_tool_calls=cut,
        response_metadata=whole.response_metadata,
        usage_metadata=whole.usage_metadata,
    )
    return ChatResult(generations=[ChatGeneration(message=message)])
