"""Opens the configured models: for answers, programs and images."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel

from llm import BACKENDS, VISION, catalog
from llm.served.chat import ServedChat
from llm.settings import ModelSettings
from llm.vectors.base import VectorModel, threads_of

if TYPE_CHECKING:
    from llm.vectors.reranker import CrossEncoder

Build = Callable[[Any], BaseChatModel]
BuildVision = Callable[[Any], BaseChatModel | None]


@dataclass(frozen=True, slots=True)
class Models:
    """`coder` is `chat` if no other is configured; `vision` is None if none is."""

    chat: BaseChatModel
    coder: BaseChatModel
    vision: BaseChatModel | None = None

    @property
    def all(self) -> Sequence[BaseChatModel]:
        return [model for model in (self.chat, self.coder, self.vision) if model is not None]


async def load_models(settings: ModelSettings) -> Models:
    """Load all models; a backend used for several purposes is opened once. Raises `ModelError` that says what to do."""
    return await asyncio.to_thread(_load, settings)


def _load(settings: ModelSettings) -> Models:
    built: dict[str, BaseChatModel] = {}

    def of(backend: str) -> BaseChatModel:
        if backend not in built:
            build: Build = import_module(BACKENDS[backend]).build
            built[backend] = build(_settings_of(backend, settings))
        return built[backend]

    chat = of(settings.llm_backend)
    return Models(chat, _coder(settings, of), _vision(settings, of))


def _settings_of(backend: str, settings: ModelSettings) -> Any:
    own = getattr(settings, backend)
    if backend == "llamacpp" and own.model_path is None:
        return own.model_copy(update={"model_path": catalog.default_path(settings.models_dir)})
    return own


def _coder(settings: ModelSettings, of: Callable[[str], BaseChatModel]) -> BaseChatModel:
    backend = settings.coder_backend or settings.llm_backend
    if backend == "llamacpp":
        path = settings.llamacpp.coder_model_path
        if path is None:
            return of(backend)
        build: Build = import_module(BACKENDS[backend]).build
        return build(settings.llamacpp.model_copy(update={"model_path": path}))
    return _named(of(backend), getattr(settings, backend).coder_model)


def _vision(settings: ModelSettings, of: Callable[[str], BaseChatModel]) -> BaseChatModel | None:
    backend = settings.vision_backend or settings.llm_backend
    if backend == "llamacpp":
        build: BuildVision = import_module(VISION).build
        return build(settings.llamacpp)
    name: str = getattr(settings, backend).vision_model
    return _named(of(backend), name) if name else None


def _named(model: BaseChatModel, name: str) -> BaseChatModel:
    assert isinstance(model, ServedChat)
    return model.other(name) if name and name != model.wanted else model


@asynccontextmanager
async def opened(models: Sequence[BaseChatModel]) -> AsyncIterator[None]:
    """Watch the servers of `models` during the block; then end all generation and close everything once."""
    async with AsyncExitStack() as stack:
        served = [model.upstream for model in models if isinstance(model, ServedChat)]
        for upstream in {id(upstream): upstream for upstream in served}.values():
            await stack.enter_async_context(upstream.watched())
        for model in {id(model): model for model in models}.values():
            close = getattr(model, "close", None)
            if close is not None:
                stack.push_async_callback(partial(asyncio.to_thread, close))
        yield


def open_embeddings(settings: ModelSettings) -> VectorModel:
    """The configured embedding model, loaded or contacted at its first use."""
    embedding = settings.embedding
    if embedding.backend == "fastembed":
        from llm.vectors.local import LocalVectors  # noqa: PLC0415 (its library is loaded only when it is wanted)

        return LocalVectors(embedding, settings.models_dir)
    from llm.vectors.http import OllamaVectors, OpenAIVectors  # noqa: PLC0415

    if embedding.backend == "ollama":
        return OllamaVectors(embedding, settings.ollama)
    return OpenAIVectors(embedding, settings.openai)


def open_reranker(settings: ModelSettings) -> "CrossEncoder | None":
    """The configured cross-encoder, loaded at its first use; None if none is configured."""
    if settings.rerank.model_path is None:
        return None
    from llm.vectors.reranker import CrossEncoder  # noqa: PLC0415

    return CrossEncoder(settings.rerank.model, settings.rerank.model_path, threads_of(settings.embedding))
