"""What models on servers have in common: asked again until the first word, never after it."""

import asyncio
import json
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict
from typing_extensions import override

from llm.errors import ModelError, ServerUnreachableError
from llm.upstream import Upstream

PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds before each further try."""
DEFAULT_WINDOW = 8192
CHOICE_TOKENS = 16
"""What the JSON around a choice takes."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in our words, and whether asking again may help; `at_once` without a pause."""

    error: ModelError
    again: bool = False
    at_once: bool = False


class ServedChat(BaseChatModel):
    """A chat model on a server. Subclasses speak the protocol.

    Takes `stop`, `temperature`, `top_p`, `seed`, `max_tokens`, `tools`, `tool_choice`, `response_format` (OpenAI's
    shapes), and `choices` (the reply is one of these texts, where the server can be held to it). Thoughts are in
    `additional_kwargs["reasoning_content"]` of the chunks; the last chunk carries the usage, estimated where the
    server tells none. When the consumer goes away, the connection is closed, which ends the generation.
    Raises `ModelError` (and what is under it in `llm.errors`).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    upstream: Upstream
    wire: BaseChatModel
    """LangChain's own model for the protocol, over `upstream`."""
    wanted: str
    """The model's name; empty: the first that the server lists."""
    temperature: float | None = None

    @property
    def name_(self) -> str:
        return self.wanted or next(iter(self.upstream.models), self._llm_type)

    @property
    @abstractmethod
    def window(self) -> int:
        """Tokens of prompt and reply together."""

    @property
    @abstractmethod
    def native_tools(self) -> bool:
        """Does the model take tool definitions, as far as is known?"""

    async def ready(self) -> None:
        """Find out what the model can do. Never fails for a server that is away."""

    def other(self, name: str) -> Self:
        """Another model of the same server, over the same connections."""
        return self.model_copy(update={"wanted": name})

    @abstractmethod
    async def _arguments(self, messages: list[BaseMessage], wishes: dict[str, Any]) -> dict[str, Any]:
        """The wire's keyword arguments for what is wished. Raises `ModelError`."""

    @abstractmethod
    def _failure(self, error: Exception, wishes: dict[str, Any]) -> Failure:
        """What an error of the wire means."""

    @property
    @abstractmethod
    def _errors(self) -> tuple[type[Exception], ...]:
        """What the wire raises when the server fails, `EOFError` among it: a reply without an end."""

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        choices = kwargs.get("choices")
        read = sum(self.get_num_tokens(message.text) for message in messages)
        reply = _Reply(read, whole=bool(choices))
        async with aclosing(self._tries(messages, {**kwargs, "stop": stop}, reply)) as chunks:
            async for chunk in chunks:
                if run_manager is not None:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        yield reply.last(choices or ())

    async def _tries(
        self, messages: list[BaseMessage], wishes: dict[str, Any], reply: "_Reply"
    ) -> AsyncGenerator[ChatGenerationChunk]:
        pauses = iter(PAUSES)
        while True:
            try:
                async with aclosing(self._once(messages, wishes, reply)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except self._errors as error:
                failure = _cut_off(reply) if isinstance(error, EOFError) else self._failure(error, wishes)
                pause = 0.0 if failure.at_once else next(pauses, None)
                if reply.begun or not failure.again or pause is None:
                    raise failure.error from error
                await asyncio.sleep(pause)

    async def _once(
        self, messages: list[BaseMessage], wishes: dict[str, Any], reply: "_Reply"
    ) -> AsyncGenerator[ChatGenerationChunk]:
        """Raises `EOFError` for a reply that has no end, and what the wire raises."""
        arguments = await self._arguments(messages, wishes)
        stream = cast("AsyncGenerator[ChatGenerationChunk]", self.wire._astream(messages, **arguments))
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                if reply.take(chunk):
                    yield chunk
        if reply.finish_reason is None:
            raise EOFError

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Streamed from the server all the same: silence is noticed, and leaving ends it."""
        stream = cast("AsyncGenerator[ChatGenerationChunk]", self._astream(messages, stop, **kwargs))
        async with aclosing(stream) as chunks:
            parts = [chunk async for chunk in chunks]
        whole = sum(parts[1:], parts[0])
        message = whole.message
        assert isinstance(message, AIMessageChunk)
        metadata = {**message.response_metadata, **(whole.generation_info or {})}
        kept = AIMessage(
            content=message.content,
            additional_kwargs=message.additional_kwargs,
            tool_calls=message.tool_calls,
            invalid_tool_calls=message.invalid_tool_calls,
            usage_metadata=message.usage_metadata,
            response_metadata=metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=kept)])

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("Models on servers are asked asynchronously.")

    @override
    def bind_tools(self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any) -> Runnable[Any, AIMessage]:
        """`tools` in any of LangChain's forms; `tool_choice` as OpenAI has it, or a tool's name, or `any`."""
        chosen = {"any": "required", True: "required"}.get(tool_choice, tool_choice)
        if isinstance(chosen, str) and chosen not in ("auto", "none", "required"):
            chosen = {"type": "function", "function": {"name": chosen}}
        given = {"tool_choice": chosen} if chosen else {}
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **given, **kwargs)

    @override
    def get_num_tokens(self, text: str) -> int:
        """An estimate, rather too high: servers do not show their vocabularies."""
        return len(text.encode("utf-8", "replace")) // 3 + 1


class _Reply:
    """Keeps what only the end may tell. With `whole`, the text is held back until then."""

    def __init__(self, read: int, *, whole: bool) -> None:
        self.begun = False
        self.finish_reason: str | None = None
        self._read = read
        self._whole = whole
        self._held: list[str] = []
        self._pieces = 0
        self._usage: UsageMetadata | None = None
        self._metadata: dict[str, Any] = {}

    def take(self, chunk: ChatGenerationChunk) -> bool:
        """Is there something in it for the consumer?"""
        message = chunk.message
        assert isinstance(message, AIMessageChunk)
        self._usage, message.usage_metadata = message.usage_metadata or self._usage, None
        information, chunk.generation_info = chunk.generation_info or {}, None
        reason = information.get("finish_reason") or information.get("done_reason")
        if reason:
            self.finish_reason = str(reason)
            self._metadata = {name: information[name] for name in ("model_name",) if name in information}
        called = bool(message.tool_call_chunks or message.tool_calls)
        thought = bool(message.additional_kwargs.get("reasoning_content"))
        self.begun = self.begun or bool(chunk.text) or called or thought
        self._pieces += bool(chunk.text or called or thought)
        if self._whole and chunk.text:
            self._held.append(chunk.text)
            return False
        return bool(chunk.text) or called or thought

    def last(self, choices: Sequence[str]) -> ChatGenerationChunk:
        message = AIMessageChunk(content=_unwrapped("".join(self._held), choices))
        message.usage_metadata = self._usage or UsageMetadata(
            input_tokens=self._read, output_tokens=self._pieces, total_tokens=self._read + self._pieces
        )
        return ChatGenerationChunk(
            message=message, generation_info={"finish_reason": self.finish_reason, **self._metadata}
        )


def choice_schema(choices: Sequence[str]) -> dict[str, Any]:
    """An object with one of these texts in it: hosted servers take no bare text at the top."""
    return {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": list(choices)}},
        "required": ["choice"],
        "additionalProperties": False,
    }


def _unwrapped(text: str, choices: Sequence[str]) -> str:
    """The choice in a reply that was held to `choice_schema`; any other reply as it is."""
    if not choices or not text.lstrip().startswith("{"):
        return text
    try:
        given = json.loads(text)
    except ValueError:
        return text
    return str(given.get("choice", text)) if isinstance(given, dict) else text


def _cut_off(reply: _Reply) -> Failure:
    words = "in the middle of its reply" if reply.begun else "without a reply"
    return Failure(ServerUnreachableError(f"The model server closed the connection {words}. Ask again."), again=True)
