"""Converts a document to a segment: text, passages, vectors."""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from workspace.retrieval.passages import cut
from workspace.retrieval.segment import Codes, DamagedError, Segment
from workspace.retrieval.settings import RetrievalSettings
from workspace.retrieval.store import IndexStore, Manifest
from workspace.retrieval.types import Embedder, Extract, Passage, Report, UnreadableError, VectorsUnavailableError

NO_TEXT = "It has no text."
FULL = "It is not searched, because all documents together are too long."


class Lender(Protocol):
    """An index that may have the same document."""

    def lend(self, digest: str, dimension: int) -> Segment | None:
        """The segment of a document with this content, if there is one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The parts that a sync needs to read documents."""

    store: IndexStore
    embedder: Embedder
    settings: RetrievalSettings
    max_file_bytes: int
    extract: Extract
    lender: Lender | None

    async def read(self, copy: Path, digest: str, manifest: Manifest, room: int, report: Report) -> Segment | str:
        """The document's segment, already stored on disk, or the reason why it has none, as a sentence for the user."""
        if await asyncio.to_thread(_size, copy) > self.max_file_bytes:
            return f"It is larger than {self.max_file_bytes >> 20} MB."
        found = await self._made_before(digest, manifest)
        if found is not None:
            return found if len(found.passages) <= room else FULL
        try:
            text = await self.extract(copy, report)
        except UnreadableError as error:
            return str(error)
        most = self.settings.max_passages
        size, overlap = self.settings.passage_tokens, self.settings.overlap_tokens
        passages, more = await asyncio.to_thread(cut, text.sections, self.embedder.spans, size, overlap, most)
        if not passages and not text.may_be_empty:
            return text.note or NO_TEXT
        if len(passages) > room:
            return FULL
        segment = Segment(tuple(passages), await self._vectors(passages, manifest.model.dimension), more, text.note)
        await asyncio.to_thread(self.store.write_segment, manifest, digest, segment)
        return segment

    async def _made_before(self, digest: str, manifest: Manifest) -> Segment | None:
        """From an interrupted sync, a file with the same content, or the lender."""
        with contextlib.suppress(DamagedError):
            return await asyncio.to_thread(self.store.read_segment, manifest, digest)
        lent = self.lender.lend(digest, manifest.model.dimension) if self.lender is not None else None
        if lent is not None:
            await asyncio.to_thread(self.store.write_segment, manifest, digest, lent)
        return lent

    async def _vectors(self, passages: list[Passage], dimension: int) -> Codes:
        if not passages:
            return np.zeros((0, dimension), np.float16)
        vectors = await self.embedder.passages([passage.for_search() for passage in passages])
        if vectors.shape != (len(passages), dimension) or not np.isfinite(vectors).all():
            raise VectorsUnavailableError("The embedding model returned vectors of an unexpected dimension.")
        return vectors.astype(np.float16)


def _size(path: Path) -> int:
    return path.stat().st_size
