"""The common part of models on servers: retries until the first word, never after it."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Self, cast

import httpx
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict
from typing_extensions import override

from llm.parsing.langchain_tools import bound_arguments
from llm.served.failures import Failure, cut_off
from llm.served.reply import ServedReply
from llm.served.server_pool import Upstream

PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds before each retry."""
DEFAULT_WINDOW = 8192
CHOICE_TOKENS = 16
"""Tokens of the JSON around a choice."""


class ServedChat(BaseChatModel):
    """A chat model on a server. Subclasses implement the protocol.

    Supports `stop`, `temperature`, `top_p`, `seed`, `max_tokens`, `frequency_penalty`, `presence_penalty`, `tools`,
    `tool_choice`, `response_format` (in OpenAI's format), `choices` (the reply is one of these texts, if the server can
    enforce it), and `continues` (the reply continues the last message, which is the assistant's). With `raw`, the text
    of the last message is continued without a template, up to `suffix`. Thoughts are in
    `additional_kwargs["reasoning_content"]` of the chunks; the last chunk has the usage, estimated if the server
    reports none. When the consumer stops reading, the connection is closed, which stops the generation. Raises
    `ModelError` and its subclasses in `llm.errors`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    upstream: Upstream
    wire: BaseChatModel
    """LangChain's own model for the protocol, on top of `upstream`."""
    wanted: str
    """The model's name; empty: the first one that the server lists."""
    temperature: float | None = None

    @property
    def name_(self) -> str:
        return self.wanted or next(iter(self.upstream.models), self._llm_type)

    @property
    @abstractmethod
    def window(self) -> int:
        """Size of the context window: prompt and reply together, in tokens."""

    @property
    def infills(self) -> bool:
        """Whether `raw` prompts may have a `suffix`: only the server knows, and says so if not."""
        return True

    @property
    @abstractmethod
    def native_tools(self) -> bool:
        """Whether the model supports tool definitions, as far as is known."""

    async def ready(self) -> None:
        """Query the model's capabilities. Never fails if the server is down."""

    def other(self, name: str) -> Self:
        """Another model of the same server, over the same connections."""
        return self.model_copy(update={"wanted": name})

    @abstractmethod
    async def _arguments(self, messages: list[BaseMessage], wishes: dict[str, Any]) -> dict[str, Any]:
        """The wire's keyword arguments for these options. Raises `ModelError`."""

    def _told(self, messages: list[BaseMessage], wishes: dict[str, Any]) -> list[BaseMessage]:  # noqa: ARG002
        """The messages to send."""
        return messages

    @abstractmethod
    def _continued(
        self, prompt: str, arguments: dict[str, Any], suffix: str | None
    ) -> AsyncGenerator[ChatGenerationChunk]:
        """`prompt` continued as plain text, with these arguments; with `suffix`, what is missing before it."""

    @abstractmethod
    def _failure(self, error: Exception, wishes: dict[str, Any]) -> Failure:
        """The meaning of an error of the wire."""

    @property
    @abstractmethod
    def _errors(self) -> tuple[type[Exception], ...]:
        """What the wire raises when the server fails, including `EOFError`: a reply without an end."""

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
        tools = () if kwargs.get("tool_choice") == "none" else kwargs.get("tools") or ()
        reply = ServedReply(read, choices or (), tools, raw=bool(kwargs.get("raw")))
        async with aclosing(self._tries(messages, {**kwargs, "stop": stop}, reply)) as chunks:
            async for chunk in chunks:
                if run_manager is not None:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        for chunk in reply.last():
            yield chunk

    async def _tries(
        self, messages: list[BaseMessage], wishes: dict[str, Any], reply: ServedReply
    ) -> AsyncGenerator[ChatGenerationChunk]:
        pauses = iter(PAUSES)
        while True:
            try:
                async with aclosing(self._once(messages, wishes, reply)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except self._errors as error:
                failure = cut_off(reply) if isinstance(error, EOFError) else self._failure(error, wishes)
                pause = 0.0 if failure.at_once else next(pauses, None)
                if reply.begun or not failure.again or pause is None:
                    raise failure.error from error
                await asyncio.sleep(max(pause, failure.wait))

    async def _once(
        self, messages: list[BaseMessage], wishes: dict[str, Any], reply: ServedReply
    ) -> AsyncGenerator[ChatGenerationChunk]:
        """Raises `EOFError` for a reply without an end, and the errors of the wire."""
        arguments = await self._arguments(messages, wishes)
        if wishes.get("raw"):
            stream = self._continued(messages[-1].text, arguments, wishes.get("suffix"))
        else:
            told = self._told(messages, wishes)
            stream = cast("AsyncGenerator[ChatGenerationChunk]", self.wire._astream(told, **arguments))
        async with aclosing(stream) as chunks:
            while (chunk := await self._next(chunks)) is not None:
                for made in reply.take(chunk):
                    yield made
        if reply.finish_reason is None:
            raise EOFError

    async def _next(self, chunks: AsyncGenerator[ChatGenerationChunk]) -> ChatGenerationChunk | None:
        """None at the end. Raises `httpx.ReadTimeout` for a server that keeps the connection busy without sending
        content.
        """
        silence = self.upstream.timeout.read
        try:
            async with asyncio.timeout(silence):
                return await anext(chunks, None)
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"nothing for {silence} seconds") from error

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Also streamed from the server: this detects silence, and disconnecting stops the generation."""
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
        raise NotImplementedError("Models on servers can only be called asynchronously.")

    @override
    def bind_tools(
        self,
        tools: Sequence[Any],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """LangChain's method. How far a choice is enforced depends on the server; Ollama only supports `none`. Raises
        ValueError for a choice that names no tool.
        """
        return self.bind(**bound_arguments(tools, tool_choice, parallel_tool_calls), **kwargs)

    @override
    def get_num_tokens(self, text: str) -> int:
        """A rather high estimate, because servers do not expose their vocabularies."""
        return len(text.encode("utf-8", "replace")) // 3 + 1
