"""The types of retrieval: inputs, passages and hits, and the interfaces of models."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Spans = Sequence[tuple[int, int]]
"""Start and end of each token of a text, in characters."""


class SectionLike(Protocol):
    """A page, or the text under one heading."""

    @property
    def text(self) -> str: ...
    @property
    def page(self) -> int | None: ...
    @property
    def heading(self) -> str | None: ...
    @property
    def position(self) -> int:
        """Characters from the start of the document's text."""


@dataclass(frozen=True, slots=True)
class ExtractedText:
    """The text of a document."""

    sections: Sequence[SectionLike]
    note: str = ""
    """What is missing, as a sentence for the user."""
    may_be_empty: bool = False
    """Whether having no text is normal, as for a photo."""


Report = Callable[[str], None]
"""Receives how far the reading of a document has come: `page 3 of 40, by text recognition`."""
Extract = Callable[[Path, Report], Awaitable[ExtractedText]]
"""Returns a document's text. Raises `UnreadableError` with a message for the user."""


class UnreadableError(Exception):
    """A document has no readable text; the message says why."""


class VectorsUnavailableError(Exception):
    """The embedding model is not available; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Identifies the model of vectors: vectors of different models cannot be compared."""

    name: str
    dimension: int
    revision: str
    """A hash of its weights, or the closest equivalent."""

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)


class Embedder(Protocol):
    """An embedding model. `llm.vectors.base` implements it."""

    async def identity(self) -> ModelIdentity: ...

    async def passages(self, texts: Sequence[str]) -> Vectors:
        """Shape `(len(texts), dimension)`; rows of length 1."""

    async def question(self, text: str) -> Vectors:
        """Shape `(dimension,)`; of length 1."""

    def spans(self, text: str) -> Spans:
        """The text's tokens in the model's vocabulary, or an estimate. Blocking; may be called in any thread."""


class Reranker(Protocol):
    """A model that reads the question and a passage together."""

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]: ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document, small enough for one vector."""

    text: str
    page: int | None
    heading: str | None
    position: int

    def for_search(self) -> str:
        """The text to embed and search: the heading, then the passage."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found by a search."""

    file: str
    passage: Passage
    score: float
    """Only comparable among the hits of one search."""
