"""The embedded backend: a LangChain chat model on the llama.cpp engine."""

import asyncio
import queue
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict
from typing_extensions import override

from llm import catalog
from llm.errors import ModelError
from llm.llama.engine import LlamaEngine
from llm.llama.grammar import grammar_for, grammar_of_format
from llm.llama.messages import ChunkWriter, to_turn
from llm.llama.native import Sampling
from llm.llama.raw_prompt import RawPrompt
from llm.llama.slots import Piece, Request
from llm.parsing.langchain_tools import Tool, bound_arguments, joined
from llm.settings import LlamaCppSettings


class LlamaCppChat(BaseChatModel):
    """Streams token by token. Supports `stop`, `temperature`, `top_p`, `seed`, `max_tokens`, `frequency_penalty`,
    `presence_penalty`, `grammar` (GBNF), `choices` (the reply is one of these texts), `response_format` and `tools`
    (OpenAI's; see `bind_tools`). With `continues`, the reply continues the last message, which is the assistant's. With
    `raw`, the text of the last message is continued without a template, and what is missing before `suffix` filled in.

    Safe for any number of concurrent callers. Generation stops before the next token when the consumer of `astream`
    stops reading. Raises `ModelError` and its subclasses in `llm.errors`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: LlamaEngine
    name_: str
    temperature: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "llamacpp"

    @property
    def native_tools(self) -> bool:
        """Whether the model's template supports tools, so that `bind_tools` has an effect."""
        return self.engine.speaks_tools

    @property
    def infills(self) -> bool:
        """Whether `raw` prompts may have a `suffix`."""
        return self.engine.infills

    @property
    def native_first(self) -> bool:
        """Whether an agent should prefer `bind_tools` to plain text: not with models of this size."""
        return False

    @override
    def bind_tools(
        self,
        tools: Sequence[Tool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """LangChain's method. `required`, `any` and a name are enforced by a grammar; calls that the model makes by
        itself also follow the tool's schema. Raises ValueError for a choice that names no tool.
        """
        return self.bind(**bound_arguments(tools, tool_choice, parallel_tool_calls), **kwargs)

    def check_format(self, response_format: Mapping[str, Any]) -> None:
        """Raise `SchemaError` for a `response_format` that cannot be enforced."""
        grammar_of_format(response_format)

    def _request(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        deliver: Callable[[Piece | ModelError], None],
        max_tokens: int | None = None,
        tools: Sequence[dict[str, Any]] = (),
        *,
        continues: bool = False,
        raw: bool = False,
        suffix: str | None = None,
        **wishes: Any,
    ) -> Request:
        shown = tuple(tools) if self.native_tools and wishes.get("tool_choice") != "none" else ()
        return Request(
            turns=[to_turn(message, native=self.native_tools) for message in messages],
            raw=RawPrompt(messages[-1].text, suffix) if raw else None,
            deliver=deliver,
            sampling=self._sampling(tools=shown, **wishes),
            stop=tuple(stop or ()),
            max_tokens=max_tokens,
            tools=shown,
            continues=continues,
        )

    def _sampling(
        self,
        *,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        **form: Any,
    ) -> Sampling:
        grammar, trigger = grammar_for(**form)
        return Sampling(
            temperature=self.temperature if temperature is None else temperature,
            top_p=1.0 if top_p is None else top_p,
            seed=seed,
            frequency_penalty=frequency_penalty or 0.0,
            presence_penalty=presence_penalty or 0.0,
            grammar=grammar,
            trigger=trigger,
        )

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Piece | ModelError] = asyncio.Queue()

        def deliver(piece: Piece | ModelError) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        request = self._request(messages, stop, deliver, **kwargs)
        self.engine.submit(request)
        try:
            reply = ChunkWriter(self.name_, kwargs.get("tools") or ())
            while not reply.finished:
                for chunk in reply.chunks(await pieces.get()):
                    if run_manager is not None:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
        finally:
            self.engine.cancel(request)

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        async with aclosing(self._astream(messages, stop, **kwargs)) as chunks:  # type: ignore[type-var]
            return joined([chunk async for chunk in chunks])

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        pieces: queue.SimpleQueue[Piece | ModelError] = queue.SimpleQueue()
        request = self._request(messages, stop, pieces.put, **kwargs)
        self.engine.submit(request)
        try:
            reply = ChunkWriter(self.name_, kwargs.get("tools") or ())
            while not reply.finished:
                yield from reply.chunks(pieces.get())
        finally:
            self.engine.cancel(request)

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return joined(list(self._stream(messages, stop, **kwargs)))

    @override
    def get_num_tokens(self, text: str) -> int:
        """Counted with the model's own vocabulary. Raises `BackendStoppedError` after `close`."""
        return self.engine.count(text)

    @property
    def window(self) -> int:
        """Size of the context window: prompt and reply together, in tokens."""
        return self.engine.window

    def close(self) -> None:
        """Stop all generation and free the weights."""
        self.engine.close()


def build(settings: LlamaCppSettings) -> LlamaCppChat:
    """Load the weights (blocking, a second or two). Raises `ModelMissingError` or `ModelDamagedError`."""
    path = settings.model_path or catalog.default_path()
    engine = LlamaEngine(path, settings)
    engine.wait_ready()
    return LlamaCppChat(engine=engine, name_=path.stem, temperature=settings.temperature)
