"""A chat model with scripted replies, for tests and benchmarks without weights.

It streams its replies in pieces, records its inputs, and can pause until released, so that a test can inspect a run in
progress.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, InvalidToolCall, ToolCall
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, Field
from typing_extensions import override

from llm.parsing.langchain_tools import Tool, bound_arguments, joined, part_chunk
from llm.parsing.text_stream import TextStream
from llm.parsing.tool_calls import CallPiece


class ScriptEndedError(AssertionError):
    """The script has no replies left."""


class ScriptedChat(BaseChatModel):
    """Returns `replies` in order; an exception in the list is raised; a function is called with the messages.

    A reply that is an `AIMessage` may call tools, with malformed arguments in `invalid_tool_calls`: name and ID come
    first, then the arguments in pieces. `asked` has the messages of every call and `arguments` its arguments, including
    those of `bind_tools`. `finished` counts the calls that ran to their end. With `repeat`, the last reply is repeated
    forever. `piece` is the size of a streamed piece in characters. `gate`, if set, must be released once per piece.
    With `choices`, it returns the next reply if it is one of them, and otherwise the first of them, without consuming a
    reply or the gate; `held` has the messages of those calls.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    replies: list[Any] = Field(default_factory=list)
    repeat: bool = False
    piece: int = 4
    delay: float = 0.0
    gate: asyncio.Semaphore | None = None
    name_: str = "scripted"
    asked: list[list[BaseMessage]] = Field(default_factory=list)
    arguments: list[dict[str, Any]] = Field(default_factory=list)
    held: list[list[BaseMessage]] = Field(default_factory=list)
    finished: int = 0
    infills: bool = True
    native_tools: bool = False
    """What it reports about itself; tools can be bound either way."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @override
    def get_num_tokens(self, text: str) -> int:
        return len(text) // 4 + 1

    def _next(self, messages: list[BaseMessage], arguments: dict[str, Any]) -> AIMessage:
        choices: list[str] = arguments.get("choices") or []
        if choices and not any(reply in choices for reply in self.replies[len(self.asked) :][:1]):
            self.held.append(messages)
            return AIMessage(choices[0])
        self.asked.append(messages)
        self.arguments.append(arguments)
        at = len(self.asked) - 1
        if at >= len(self.replies):
            if not (self.repeat and self.replies):
                raise ScriptEndedError(f"call {at + 1}, but the script has {len(self.replies)} replies")
            at = len(self.replies) - 1
        reply = self.replies[at]
        if isinstance(reply, Exception):
            raise reply
        if callable(reply):
            reply = reply(messages)
        return reply if isinstance(reply, AIMessage) else AIMessage(str(reply))

    @override
    def bind_tools(
        self,
        tools: Sequence[Tool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(**bound_arguments(tools, tool_choice, parallel_tool_calls), **kwargs)

    def check_format(self, response_format: Mapping[str, Any]) -> None:
        """Raises `SchemaError`, like the embedded model."""
        from llm.llama.grammar import grammar_of_format  # noqa: PLC0415 (whoever wants no form needs no llama.cpp)

        grammar_of_format(response_format)

    def _chunks(
        self, messages: list[BaseMessage], stop: Sequence[str] | None, arguments: dict[str, Any]
    ) -> Iterator[ChatGenerationChunk]:
        message = self._next(messages, {"stop": stop, **arguments})
        reply = message.text
        text = TextStream(stop or ())
        limit = arguments.get("max_tokens")
        made, reason = 0, "stop"
        for start in range(0, len(reply), self.piece):
            if limit is not None and made >= limit:
                reason = "length"
                break
            made += 1
            if shown := text.feed(reply[start : start + self.piece].encode()):
                yield ChatGenerationChunk(message=AIMessageChunk(content=shown))
            if text.stopped:
                break
        calls: list[ToolCall | InvalidToolCall] = [*message.tool_calls, *message.invalid_tool_calls]
        if calls and reason == "stop":
            reason = "tool_calls"
            for at, call in enumerate(calls):
                yield from self._call(at, call)
        read = sum(len(message.text) for message in messages) // 4 + 1
        last = AIMessageChunk(content=text.flush(), response_metadata={"finish_reason": reason})
        last.usage_metadata = {"input_tokens": read, "output_tokens": made, "total_tokens": read + made}
        yield ChatGenerationChunk(message=last, generation_info={"finish_reason": reason})

    def _call(self, at: int, call: ToolCall | InvalidToolCall) -> Iterator[ChatGenerationChunk]:
        args = call["args"]
        written = args if isinstance(args, str) else json.dumps(args, ensure_ascii=False)
        pieces = [CallPiece(at, "", call["id"], call["name"])]
        pieces += [CallPiece(at, written[n : n + self.piece]) for n in range(0, len(written), self.piece)]
        for piece in pieces:
            yield ChatGenerationChunk(message=part_chunk(piece))

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._chunks(messages, stop, kwargs):
            if self.gate is not None and not kwargs.get("choices"):
                await self.gate.acquire()
            if self.delay:
                await asyncio.sleep(self.delay)
            yield chunk
        self.finished += 1

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return joined([chunk async for chunk in self._astream(messages, stop, **kwargs)])

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = list(self._chunks(messages, stop, kwargs))
        self.finished += 1
        return joined(chunks)
