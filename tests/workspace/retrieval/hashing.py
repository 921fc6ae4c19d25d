"""A small embedding model for tests: words hashed into 64 dimensions."""

import asyncio
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workspace.retrieval.types import ExtractedText, ModelIdentity, Report, Spans, UnreadableError, Vectors


@dataclass
class HashedWords:
    """Texts with the same words get the same vector. `embedded` records its inputs in order."""

    revision: str = "1"
    dimension: int = 64
    embedded: list[str] = field(default_factory=list)

    async def identity(self) -> ModelIdentity:
        return ModelIdentity("hashed words", self.dimension, self.revision)

    async def passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return np.stack([self._vector(text) for text in texts])

    async def question(self, text: str) -> Vectors:
        return self._vector(text)

    def spans(self, text: str) -> Spans:
        return [match.span() for match in re.finditer(r"\S+", text)]

    def _vector(self, text: str) -> Vectors:
        vector = np.full(self.dimension, 1e-3, np.float32)
        for word in re.findall(r"\w+", text.lower()):
            vector[zlib.crc32(word.encode()) % self.dimension] += 1
        return vector / np.linalg.norm(vector)


@dataclass(frozen=True)
class Piece:
    """A section of a test's document."""

    text: str
    page: int | None = None
    heading: str | None = None
    position: int = 0


async def whole_text(path: Path, _report: Report) -> ExtractedText:
    """The file as one section; bytes that are not text cannot be read."""
    try:
        text = await asyncio.to_thread(path.read_text, "utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError("It is not text.") from error
    return ExtractedText([Piece(text)] if text.strip() else [])
