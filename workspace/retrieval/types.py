"""The words of retrieval: what comes in, what is kept, what is found; and what a model of vectors must do."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Spans = Sequence[tuple[int, int]]
"""Where each token of a text begins and ends, in characters."""


class SectionLike(Protocol):
    """A page, or what stands below one heading."""

    @property
    def text(self) -> str: ...
    @property
    def page(self) -> int | None: ...
    @property
    def heading(self) -> str | None: ...
    @property
    def position(self) -> int:
        """Characters from the start of the document's text."""


Extract = Callable[[Path], Awaitable[Sequence[SectionLike]]]
"""Gives a document's text. Raises `UnreadableError` with words for a person."""


class UnreadableError(Exception):
    """A document gives no text; the words say why."""


class VectorsUnavailableError(Exception):
    """The model of vectors cannot be had; the words say what to do about it."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model made the vectors: those of two models cannot be compared."""

    name: str
    dimension: int
    revision: str
    """A hash of its weights, or what comes nearest to one."""

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)


class Embedder(Protocol):
    """A model of vectors. `llm.vectors.base` makes them."""

    async def identity(self) -> ModelIdentity: ...

    async def passages(self, texts: Sequence[str]) -> Vectors:
        """Shape `(len(texts), dimension)`; rows of length 1."""

    async def question(self, text: str) -> Vectors:
        """Shape `(dimension,)`; of length 1."""

    def spans(self, text: str) -> Spans:
        """The text in the model's own tokens, or an estimate of them. Blocking; may be called in any thread."""


class Reranker(Protocol):
    """A model that reads the question and a passage together."""

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]: ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, small enough for one vector."""

    text: str
    page: int | None
    heading: str | None
    position: int

    def for_search(self) -> str:
        """What is embedded and looked up: the text below its heading."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a search found."""

    file: str
    passage: Passage
    score: float
    """Only compares hits of one search."""
