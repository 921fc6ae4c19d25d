"""One streamed reply of a model on a server: holds back what can only be interpreted at the end."""

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk

from llm.parsing.langchain_tools import part_chunk
from llm.parsing.thoughts import Thought, ThoughtReader
from llm.parsing.tool_calls import CallReader, Part, Words


class ServedReply:
    """Thoughts inside the text become thoughts. With `choices`, the text is held back until the end. With `tools`,
    calls that a small model writes into its text, and that the server did not recognize, become calls. A `raw` text is
    not interpreted. `read` is the estimated size of the prompt in tokens.
    """

    def __init__(
        self, read: int, choices: Sequence[str], tools: Sequence[dict[str, Any]], *, raw: bool = False
    ) -> None:
        self._raw = raw
        self.begun = False
        self.finish_reason: str | None = None
        self._read = read
        self._choices = choices
        self._held: list[str] = []
        self._thoughts = ThoughtReader()
        self._reader = CallReader({tool["function"]["name"] for tool in tools}) if tools else None
        self._called = False
        self._pieces = 0
        self._usage: UsageMetadata | None = None
        self._metadata: dict[str, Any] = {}

    def take(self, chunk: ChatGenerationChunk) -> list[ChatGenerationChunk]:
        """The parts for the consumer so far."""
        message = chunk.message
        assert isinstance(message, AIMessageChunk)
        self._usage, message.usage_metadata = message.usage_metadata or self._usage, None
        message.id = None  # servers may repeat their IDs; LangChain sets one that is unique to this reply
        self._end(chunk.generation_info or {})
        chunk.generation_info = None
        called = bool(message.tool_call_chunks or message.tool_calls)
        thought = bool(message.additional_kwargs.get("reasoning_content"))
        if not (chunk.text or called or thought):
            return []
        self.begun = True
        self._pieces += 1
        self._called = self._called or called
        said = self._said([Words(chunk.text)] if self._raw else self._thoughts.feed(chunk.text))
        if not (called or thought):
            return said
        message.content = ""
        return [ChatGenerationChunk(message=message), *said]

    def _said(self, parts: Sequence[Thought | Words]) -> list[ChatGenerationChunk]:
        made: list[ChatGenerationChunk] = []
        for part in parts:
            if isinstance(part, Thought):
                thought = AIMessageChunk(content="", additional_kwargs={"reasoning_content": part.text})
                made.append(ChatGenerationChunk(message=thought))
            elif self._choices:
                self._held.append(part.text)
            elif self._reader is None or self._called:
                made += _chunks([part])
            else:
                made += _chunks(self._reader.feed(part.text))
        return made

    def last(self) -> list[ChatGenerationChunk]:
        """What was held back, and a chunk with the usage and the finish reason."""
        rest = self._said(self._thoughts.flush())
        parts: list[Part] = self._reader.flush() if self._reader is not None else []
        called = self._called or bool(self._reader is not None and self._reader.calls)
        reason = "tool_calls" if called and self.finish_reason == "stop" else self.finish_reason
        message = AIMessageChunk(content=_unwrapped("".join(self._held), self._choices))
        message.usage_metadata = self._usage or UsageMetadata(
            input_tokens=self._read, output_tokens=self._pieces, total_tokens=self._read + self._pieces
        )
        information = {"finish_reason": reason, **self._metadata}
        return [*rest, *_chunks(parts), ChatGenerationChunk(message=message, generation_info=information)]

    def _end(self, information: dict[str, Any]) -> None:
        reason = information.get("finish_reason") or information.get("done_reason")
        if reason:
            self.finish_reason = str(reason)
            self._metadata = {name: information[name] for name in ("model_name",) if name in information}


def _chunks(parts: Sequence[Part]) -> list[ChatGenerationChunk]:
    return [ChatGenerationChunk(message=part_chunk(part)) for part in parts]


def choice_schema(choices: Sequence[str]) -> dict[str, Any]:
    """An object with one of these texts: hosted servers do not accept a bare string at the top level."""
    return {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": list(choices)}},
        "required": ["choice"],
        "additionalProperties": False,
    }


def _unwrapped(text: str, choices: Sequence[str]) -> str:
    """The choice in a reply constrained by `choice_schema`; any other reply unchanged."""
    if not choices or not text.lstrip().startswith("{"):
        return text
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return str(given.get("choice", text)) if isinstance(given, dict) else text


def text_chunk(text: str, finish_reason: str | None, used: tuple[int, int] | None) -> ChatGenerationChunk:
    """A piece of continued text; `used` are the tokens read and written, once the server has counted them."""
    message = AIMessageChunk(content=text)
    if used is not None:
        read, written = used
        message.usage_metadata = UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
    return ChatGenerationChunk(
        message=message, generation_info={"finish_reason": finish_reason} if finish_reason else None
    )
