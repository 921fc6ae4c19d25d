"""Embedding models: LangChain's `Embeddings`, embedded or on a server, that identify their model."""

import asyncio
import re
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from langchain_core.embeddings import Embeddings
from typing_extensions import override

from llm.errors import ModelError
from llm.settings import EmbeddingSettings, usable_cores
from workspace.retrieval.types import ModelIdentity, Spans, Vectors, VectorsUnavailableError

_PIECE = re.compile(r"[^\W\d_]{1,5}|\d{1,3}|[^\w\s]|_")


class EmbeddingError(ModelError, VectorsUnavailableError):
    """Vectors could not be computed; the message says what to do."""


class VectorModel(Embeddings):
    """Implements `workspace.retrieval.types.Embedder` for the index, and LangChain's interface on top."""

    @abstractmethod
    async def identity(self) -> ModelIdentity:
        """Raises `EmbeddingError` if the model is not available."""

    @abstractmethod
    async def passages(self, texts: Sequence[str]) -> Vectors:
        """Shape `(len(texts), dimension)`, rows of length 1. Raises `EmbeddingError`."""

    @abstractmethod
    async def question(self, text: str) -> Vectors:
        """Shape `(dimension,)`, of length 1. Raises `EmbeddingError`."""

    def spans(self, text: str) -> Spans:
        """An estimate of the model's tokens, for servers that do not expose theirs: pieces of at most five letters."""
        return [match.span() for match in _PIECE.finditer(text)]

    async def aclose(self) -> None:
        """Release threads and connections."""

    @override
    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        found: list[list[float]] = (await self.passages(texts)).tolist()
        return found

    @override
    async def aembed_query(self, text: str) -> list[float]:
        found: list[float] = (await self.question(text)).tolist()
        return found

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return asyncio.run(self.aembed_documents(texts))

    @override
    def embed_query(self, text: str) -> list[float]:
        return asyncio.run(self.aembed_query(text))


def unit(vectors: Vectors) -> Vectors:
    """Scales rows to length 1, so that their inner product is the cosine; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.ascontiguousarray(vectors / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def threads_of(settings: EmbeddingSettings) -> int:
    return settings.threads or max(1, usable_cores() // 2)
