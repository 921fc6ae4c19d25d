"""The models that the settings ask for: who answers, who writes programs, who is shown images."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel

from llm import BACKENDS, VISION
from llm.served.chat import ServedChat
from llm.settings import EmbeddingSettings, ModelsSettings
from llm.vectors.base import VectorModel

if TYPE_CHECKING:
    from llm.vectors.reranker import CrossEncoder

Build = Callable[[Any], BaseChatModel]
BuildVision = Callable[[Any], BaseChatModel | None]


@dataclass(frozen=True, slots=True)
class Models:
    """`coder` is `chat` itself where no other is configured; `vision` is None where none is."""

    chat: BaseChatModel
    coder: BaseChatModel
    vision: BaseChatModel | None = None

    @property
    def all(self) -> Sequence[BaseChatModel]:
        return [model for model in (self.chat, self.coder, self.vision) if model is not None]


async def load_models(settings: ModelsSettings) -> Models:
    """All of them; a backend that several use is opened once. Raises `ModelError` with what to do about it."""
    return await asyncio.to_thread(_load, settings)


def _load(settings: ModelsSettings) -> Models:
    built: dict[str, BaseChatModel] = {}

    def of(backend: str) -> BaseChatModel:
        if backend not in built:
            build: Build = import_module(BACKENDS[backend]).build
            built[backend] = build(getattr(settings, backend))
        return built[backend]

    chat = of(settings.backend)
    return Models(chat, _coder(settings, of), _vision(settings, of))


def _coder(settings: ModelsSettings, of: Callable[[str], BaseChatModel]) -> BaseChatModel:
    backend = settings.coder_backend or settings.backend
    if backend == "llamacpp":
        path = settings.llamacpp_coder_path
        if path is None:
            return of(backend)
        build: Build = import_module(BACKENDS[backend]).build
        return build(replace(settings.llamacpp, model_path=path))
    return _named(of(backend), getattr(settings, backend).coder_model)


def _vision(settings: ModelsSettings, of: Callable[[str], BaseChatModel]) -> BaseChatModel | None:
    backend = settings.vision_backend or settings.backend
    if backend == "llamacpp":
        build: BuildVision = import_module(VISION).build
        return build(settings.llamacpp_vision)
    name: str = getattr(settings, backend).vision_model
    return _named(of(backend), name) if name else None


def _named(model: BaseChatModel, name: str) -> BaseChatModel:
    assert isinstance(model, ServedChat)
    return model.other(name) if name and name != model.wanted else model


@asynccontextmanager
async def opened(models: Sequence[BaseChatModel]) -> AsyncIterator[None]:
    """Watch the servers of `models` while the block runs; then end what is generated, and close everything once."""
    async with AsyncExitStack() as stack:
        served = [model.upstream for model in models if isinstance(model, ServedChat)]
        for upstream in {id(upstream): upstream for upstream in served}.values():
            await stack.enter_async_context(upstream.watched())
        for model in {id(model): model for model in models}.values():
            close = getattr(model, "close", None)
            if close is not None:
                stack.push_async_callback(partial(asyncio.to_thread, close))
        yield


def open_embeddings(settings: EmbeddingSettings) -> VectorModel:
    """The configured model of vectors. It is loaded, or asked for, at its first use."""
    if settings.backend == "fastembed":
        from llm.vectors.local import LocalVectors  # noqa: PLC0415 (its library is loaded only when it is wanted)

        return LocalVectors(settings)
    from llm.vectors.http import OllamaVectors, OpenAIVectors  # noqa: PLC0415

    return OllamaVectors(settings) if settings.backend == "ollama" else OpenAIVectors(settings)


def open_reranker(settings: EmbeddingSettings) -> "CrossEncoder | None":
    """The configured cross-encoder, loaded at its first use; None when none is configured."""
    if settings.rerank_path is None:
        return None
    from llm.vectors.reranker import CrossEncoder  # noqa: PLC0415

    return CrossEncoder(settings, settings.rerank_path)
