"""Finds passages in documents in memory: vectors in FAISS and words in BM25, combined."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import faiss
import numpy as np
from numpy.typing import NDArray

from workspace.retrieval.keyword import KeywordIndex, terms
from workspace.retrieval.ranking import Ranking, Scores, diverse, fuse, moved
from workspace.retrieval.segment import Segment
from workspace.retrieval.types import Hit, Passage, Reranker, Vectors

DEFAULT = Ranking()
RERANKED = 30
"""Number of passages that a cross-encoder reranks."""


@dataclass(frozen=True, eq=False)
class Document:
    """One document in memory."""

    name: str
    digest: str
    segment: Segment

    @cached_property
    def terms(self) -> list[str]:
        """Terms of each passage, joined by spaces: lists of words would take ten times the memory."""
        return [" ".join(terms(passage.for_search())) for passage in self.segment.passages]


class Searcher:
    """An immutable index over `documents`. All methods except `search` block."""

    def __init__(self, documents: Sequence[Document], dimension: int) -> None:
        self.names = [document.name for document in documents for _ in document.segment.passages]
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

    def words(self, text: str) -> Scores:
        """BM25 score of every passage."""
        return self._keywords.scores(terms(text))

    def cosines(self, vector: Vectors, rows: NDArray[np.int64] | None = None) -> Scores:
        """Cosines of the passages in `rows`, or of all."""
        cosines: Scores = (self._vectors if rows is None else self._vectors[rows]).astype(np.float32) @ vector
        return cosines

    def ranked(
        self, text: str, vector: Vectors, files: Collection[str] | None = None, ranking: Ranking = DEFAULT
    ) -> list[tuple[int, float]]:
        """`(passage, score)`, best first: the top passages of either ranking, only from `files` if given."""
        allowed = np.array([name in files for name in self.names]) if files is not None else None
        if not len(self) or (allowed is not None and not allowed.any()):
            return []
        words = self.words(text)
        candidates = self._nearest(vector, allowed, ranking.depth) | _worded(words, allowed, ranking.depth)
        rows = np.array(sorted(candidates))
        score = fuse(words[rows], self.cosines(vector, rows), ranking)
        if ranking.feedback:
            best = rows[np.argsort(-score, kind="stable")[: ranking.feedback]]
            vector = moved(vector, self._vectors[best].astype(np.float32), ranking.feedback_weight)
            rows = np.array(sorted(candidates | self._nearest(vector, allowed, ranking.depth)))
            score = fuse(words[rows], self.cosines(vector, rows), ranking)
        return [(int(rows[at]), float(score[at])) for at in np.argsort(-score, kind="stable")]

    async def reranked(self, ranked: list[tuple[int, float]], text: str, reranker: Reranker) -> list[tuple[int, float]]:
        """The first of `ranked`, reordered by a model that reads the question and the passage together."""
        head = ranked[:RERANKED]
        scores = await reranker.scores(text, [self._passages[at].for_search() for at, _ in head])
        found = [(at, score) for (at, _), score in zip(head, scores, strict=True)]
        return sorted(found, key=lambda hit: -hit[1])

    def hits(self, ranked: list[tuple[int, float]], k: int) -> list[Hit]:
        """At most `k`, without repetitions, and not all from one page."""
        scores = dict(ranked)
        places = [(name, p.page, p.heading) for name, p in zip(self.names, self._passages, strict=True)]
        head = [at for at, _ in ranked[: max(DEFAULT.depth, 3 * k)]]
        chosen = diverse(head, places, self._vectors, k)
        return [Hit(self.names[at], self._passages[at], round(scores[at], 4)) for at in chosen]

    def _nearest(self, vector: Vectors, allowed: NDArray[np.bool_] | None, depth: int) -> set[int]:
        parameters = None
        if allowed is not None:
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.flatnonzero(allowed)))  # type: ignore[call-arg]
        _, rows = self._dense.search(vector[None, :], min(depth, len(self)), params=parameters)
        return {int(row) for row in rows[0] if row >= 0}


def _worded(words: Scores, allowed: NDArray[np.bool_] | None, depth: int) -> set[int]:
    words = words if allowed is None else np.where(allowed, words, 0)
    best = np.argsort(-words, kind="stable")[:depth]
    return {int(row) for row in best if words[row] > 0}
