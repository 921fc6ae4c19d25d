"""Converts LangChain's messages to the engine's turns, and its pieces to chunks."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk

from llm.errors import ModelError
from llm.llama.prompt import ChatTurn
from llm.llama.slots import Piece
from llm.parsing.langchain_tools import part_chunk
from llm.parsing.tool_calls import CallReader

ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def to_turn(message: BaseMessage, *, native: bool = False) -> ChatTurn:
    """With `native` the template renders tool calls and results; without, they are described in plain text."""
    role, text = ROLES.get(message.type, "user"), message.text
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    if not native:
        told = [f"I call {call['name']} with {json.dumps(call['args'], ensure_ascii=False)}" for call in calls]
        if isinstance(message, ToolMessage):
            return ChatTurn(role="user", content=f"{message.name or 'The tool'} gave:\n{text}")
        return ChatTurn(role=role, content="\n".join([*([text] if text or not told else []), *told]))
    if not calls:
        return ChatTurn(role=role, content=text)
    functions = [
        {"type": "function", "id": call["id"], "function": {"name": call["name"], "arguments": call["args"]}}
        for call in calls
    ]
    return ChatTurn(role=role, content=text, tool_calls=functions)


class ChunkWriter:
    """Converts the engine's pieces to streamed chunks; the last one has the usage and the finish reason."""

    def __init__(self, model: str, tools: Sequence[dict[str, Any]] = ()) -> None:
        self._model = model
        self._reader = CallReader({tool["function"]["name"] for tool in tools}) if tools else None
        self.finished = False

    def chunks(self, piece: Piece | ModelError) -> Iterator[ChatGenerationChunk]:
        """Raises the error if given one."""
        if isinstance(piece, ModelError):
            raise piece
        text = piece.text
        if self._reader is not None:
            parts = self._reader.feed(text)
            if piece.finish_reason is not None:
                parts += self._reader.flush()
            for part in parts:
                yield ChatGenerationChunk(message=part_chunk(part))
            text = ""
        if piece.finish_reason is not None:
            self.finished = True
            yield self._last(piece, text)
        elif text:
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))

    def _last(self, piece: Piece, text: str) -> ChatGenerationChunk:
        called = self._reader is not None and self._reader.calls and piece.finish_reason == "stop"
        reason = "tool_calls" if called else piece.finish_reason
        message = AIMessageChunk(content=text)
        message.response_metadata = {"finish_reason": reason, "model_name": self._model}
        message.usage_metadata = {
            "input_tokens": piece.prompt_tokens,
            "output_tokens": piece.completion_tokens,
            "total_tokens": piece.prompt_tokens + piece.completion_tokens,
            "input_token_details": {"cache_read": piece.cached_tokens},
        }
        return ChatGenerationChunk(message=message, generation_info={"finish_reason": reason})
