"""The embedded backend: a LangChain chat model over our llama.cpp engine."""

import asyncio
import json
import queue
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict
from typing_extensions import override

from llm import catalog
from llm.errors import ModelError
from llm.llama_engine import LlamaEngine
from llm.llama_native import Sampling
from llm.llama_prompt import ChatTurn
from llm.llama_slots import Piece, Request
from llm.settings import LlamaCppSettings

ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "user"}


class LlamaCppChat(BaseChatModel):
    """Streams token by token, honours `stop`, `temperature`, `top_p`, `seed`, `max_tokens`, `grammar` (GBNF) and
    `choices` (the reply is one of these texts).

    Safe for any number of concurrent callers. Generation ends before the next token when the consumer of
    `astream` goes away. Raises `ModelError` (and what is under it in `llm.errors`).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: LlamaEngine
    name_: str
    temperature: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "llamacpp"

    def _request(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        deliver: Callable[[Piece | ModelError], None],
        max_tokens: int | None = None,
        **wishes: Any,
    ) -> Request:
        return Request(
            turns=[to_turn(message) for message in messages],
            deliver=deliver,
            sampling=self._sampling(**wishes),
            stop=tuple(stop or ()),
            max_tokens=max_tokens,
        )

    def _sampling(
        self,
        *,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        grammar: str | None = None,
        choices: list[str] | None = None,
    ) -> Sampling:
        return Sampling(
            temperature=self.temperature if temperature is None else temperature,
            top_p=1.0 if top_p is None else top_p,
            seed=seed,
            grammar=grammar_of(choices) if choices else grammar,
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
            finished = False
            while not finished:
                piece = await pieces.get()
                chunk = to_chunk(piece, self.name_)
                finished = chunk.generation_info is not None
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
            finished = False
            while not finished:
                chunk = to_chunk(pieces.get(), self.name_)
                finished = chunk.generation_info is not None
                yield chunk
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

    def close(self) -> None:
        """Stop what is being generated and free the weights."""
        self.engine.close()


def grammar_of(choices: Sequence[str]) -> str:
    """GBNF that admits exactly these texts."""
    return "root ::= " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)


def to_turn(message: BaseMessage) -> ChatTurn:
    return ChatTurn(role=ROLES.get(message.type, "user"), content=message.text)


def to_chunk(piece: Piece | ModelError, model: str) -> ChatGenerationChunk:
    """One streamed chunk; the last one carries usage and the finish reason. Raises the error it is given."""
    if isinstance(piece, ModelError):
        raise piece
    message = AIMessageChunk(content=piece.text)
    if piece.finish_reason is None:
        return ChatGenerationChunk(message=message)
    message.response_metadata = {"finish_reason": piece.finish_reason, "model_name": model}
    message.usage_metadata = {
        "input_tokens": piece.prompt_tokens,
        "output_tokens": piece.completion_tokens,
        "total_tokens": piece.prompt_tokens + piece.completion_tokens,
        "input_token_details": {"cache_read": piece.cached_tokens},
    }
    return ChatGenerationChunk(message=message, generation_info={"finish_reason": piece.finish_reason})


def joined(chunks: list[ChatGenerationChunk]) -> ChatResult:
    last = chunks[-1].message
    message = AIMessage(
        content="".join(chunk.text for chunk in chunks),
        response_metadata=last.response_metadata,
        usage_metadata=last.usage_metadata if isinstance(last, AIMessageChunk) else None,
    )
    return ChatResult(generations=[ChatGeneration(message=message)])


def build(settings: LlamaCppSettings) -> LlamaCppChat:
    """Load the weights (blocking, a second or two). Raises `ModelMissingError` or `ModelDamagedError`."""
    path = settings.model_path or catalog.default_path(settings.models_dir)
    engine = LlamaEngine(path, settings)
    engine.wait_ready()
    return LlamaCppChat(engine=engine, name_=path.stem, temperature=settings.temperature)
