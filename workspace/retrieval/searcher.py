"""Finds passages in documents that are in memory: vectors in FAISS, words in BM25, put together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import faiss
import numpy as np
from numpy.typing import NDArray

from workspace.retrieval.keyword import KeywordIndex, terms
from workspace.retrieval.ranking import Scores, diverse, fuse, moved
from workspace.retrieval.segment import Segment
from workspace.retrieval.types import Hit, Passage, Reranker, Vectors

DEPTH = 100
"""How many passages of each ranking are looked at."""
FEEDBACK = 2
"""Passages found first that the question's vector is moved towards, and how far."""
FEEDBACK_WEIGHT = 0.8
RERANKED = 30


@dataclass(frozen=True)
class Document:
    """One document in memory."""

    name: str
    digest: str
    segment: Segment

    @cached_property
    def terms(self) -> list[str]:
        """Of each passage, joined by spaces: lists of words would take ten times the memory."""
        return [" ".join(terms(passage.for_search())) for passage in self.segment.passages]


class Searcher:
    """An index over `documents`, which never changes. All methods but `search` block."""

    def __init__(self, documents: Sequence[Document], dimension: int) -> None:
        self._names = [document.name for document in documents for _ in document.segment.passages]
        self._passages: list[Passage] = list(chain.from_iterable(d.segment.passages for d in documents))
        self._keywords = KeywordIndex([text.split() for document in documents for text in document.terms])
        self._vectors = np.concatenate(
            [document.segment.vectors for document in documents] or [np.zeros((0, dimension), np.float16)]
        )
        quantizer = faiss.ScalarQuantizer.QT_fp16
        self._dense = faiss.IndexScalarQuantizer(dimension, quantizer, faiss.METRIC_INNER_PRODUCT)
        if len(self._vectors):
            self._dense.add(self._vectors.astype(np.float32))

    def __len__(self) -> int:
        return len(self._passages)

    def ranked(self, text: str, vector: Vectors, files: Collection[str] | None = None) -> list[tuple[int, float]]:
        """`(passage, score)`, best first: at most some 200, those of `files` alone when they are named."""
        allowed = np.array([name in files for name in self._names]) if files is not None else None
        count = len(self) if allowed is None else int(allowed.sum())
        if count == 0:
            return []
        words = self._keywords.scores(terms(text))
        candidates = self._nearest(vector, allowed) | self._worded(words, allowed)
        rows = np.array(sorted(candidates))
        first = fuse([words[rows], self._cosines(rows, vector)], DEPTH)
        best = rows[np.argsort(-first, kind="stable")[:FEEDBACK]]
        vector = moved(vector, self._vectors[best].astype(np.float32), FEEDBACK_WEIGHT)
        rows = np.array(sorted(candidates | self._nearest(vector, allowed)))
        score = fuse([words[rows], self._cosines(rows, vector)], DEPTH)
        return [(int(rows[at]), float(score[at])) for at in np.argsort(-score, kind="stable")]

    async def reranked(self, ranked: list[tuple[int, float]], text: str, reranker: Reranker) -> list[tuple[int, float]]:
        """The first of `ranked`, in the order of a model that reads the question and the passage together."""
        head = ranked[:RERANKED]
        scores = await reranker.scores(text, [self._passages[at].for_search() for at, _ in head])
        found = [(at, score) for (at, _), score in zip(head, scores, strict=True)]
        return sorted(found, key=lambda hit: -hit[1])

    def hits(self, ranked: list[tuple[int, float]], k: int) -> list[Hit]:
        """At most `k`, without repetitions, not all of one page."""
        scores = dict(ranked)
        places = [(name, p.page, p.heading) for name, p in zip(self._names, self._passages, strict=True)]
        head = [at for at, _ in ranked[: max(DEPTH, 3 * k)]]
        chosen = diverse(head, places, self._vectors, k)
        return [Hit(self._names[at], self._passages[at], round(scores[at], 4)) for at in chosen]

    def _nearest(self, vector: Vectors, allowed: NDArray[np.bool_] | None) -> set[int]:
        parameters = None
        if allowed is not None:
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.flatnonzero(allowed)))  # type: ignore[call-arg]
        _, rows = self._dense.search(vector[None, :], min(DEPTH, len(self)), params=parameters)
        return {int(row) for row in rows[0] if row >= 0}

    @staticmethod
    def _worded(words: Scores, allowed: NDArray[np.bool_] | None) -> set[int]:
        words = words if allowed is None else np.where(allowed, words, 0)
        best = np.argsort(-words, kind="stable")[:DEPTH]
        return {int(row) for row in best if words[row] > 0}

    def _cosines(self, rows: NDArray[np.int64], vector: Vectors) -> Scores:
        cosines: Scores = self._vectors[rows].astype(np.float32) @ vector
        return cosines
