"""Pieces of a reply as LangChain's chunks, and chunks as a whole reply."""

import json
from collections.abc import Sequence

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from llm.tool_calls import CallPiece, Part


def part_chunk(part: Part) -> AIMessageChunk:
    """A piece of text, or of a call."""
    if not isinstance(part, CallPiece):
        return AIMessageChunk(content=part.text)
    piece = tool_call_chunk(name=part.name, args=part.arguments, id=part.id, index=part.index)
    return AIMessageChunk(content="", tool_call_chunks=[piece])


def joined(chunks: Sequence[ChatGenerationChunk]) -> ChatResult:
    """The whole reply. A call that was cut off is an invalid one."""
    parts = [chunk.message for chunk in chunks if isinstance(chunk.message, AIMessageChunk)]
    whole = add_ai_message_chunks(parts[0], *parts[1:])
    calls, cut = [], []
    for piece in whole.tool_call_chunks:
        try:
            calls.append(tool_call(name=piece["name"] or "", args=json.loads(piece["args"] or "{}"), id=piece["id"]))
        except ValueError as error:
            cut.append(invalid_tool_call(name=piece["name"], args=piece["args"], id=piece["id"], error=str(error)))
    message = AIMessage(
        content=whole.content,
        tool_calls=calls,
        invalid_tool_calls=cut,
        response_metadata=whole.response_metadata,
        usage_metadata=whole.usage_metadata,
    )
    return ChatResult(generations=[ChatGeneration(message=message)])
