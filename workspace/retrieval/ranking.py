"""Combines two rankings, and keeps one page from filling the list."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workspace.retrieval.segment import Codes
from workspace.retrieval.types import Vectors

Scores = NDArray[np.float32]
NEAR = 0.97
"""Cosine of two passages with the same content."""
PER_SECTION = 2
"""Maximum number of passages per page or heading, as long as there are others."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """How two rankings are combined. Chosen by cross-validation, see docs/retrieval.md."""

    depth: int = 100
    """Number of passages considered from each ranking."""
    keywords: float = 0.4
    """Weight of the keyword ranking; the rest is the vectors'."""
    feedback: int = 1
    """Number of top passages that move the question's vector before the second comparison."""
    feedback_weight: float = 0.6
    """Weight of the movement."""


def fuse(words: Scores, vectors: Scores, ranking: Ranking) -> Scores:
    """The weighted mean of standardized scores, each clipped at three deviations below its mean.

    Scores are standardized with the mean and deviation of the best of their ranking (distribution-based score fusion),
    which preserves how much better one passage is than the next; ranks alone do not.
    """
    share = np.float32(ranking.keywords)
    return share * _standardised(words, ranking.depth) + (1 - share) * _standardised(vectors, ranking.depth)


def _standardised(scores: Scores, depth: int) -> Scores:
    best = np.partition(scores, max(0, len(scores) - depth))[-depth:]
    spread = float(best.std())
    if spread == 0:
        return np.zeros_like(scores)
    standardised: Scores = np.maximum((scores - best.mean()) / spread, -3.0).astype(np.float32)
    return standardised


def moved(question: Vectors, best: Vectors, weight: float) -> Vectors:
    """The question's vector, moved towards the mean of the top passages (Rocchio's feedback, 1971)."""
    sum_ = question + weight * best.mean(axis=0)
    length = float(np.linalg.norm(sum_))
    return question if length == 0 else np.asarray(sum_ / length, np.float32)


def diverse(ranked: Iterable[int], places: Sequence[object], vectors: Codes, k: int) -> list[int]:
    """The first `k` of `ranked` that do not repeat an earlier one, at most `PER_SECTION` per place.

    Passages skipped because of their place fill the remaining slots; `places` and `vectors` are indexed by passage.
    """
    chosen: list[int] = []
    passed: list[int] = []
    used: Counter[object] = Counter()
    for at in ranked:
        if len(chosen) >= k:
            break
        if chosen and float((vectors[chosen].astype(np.float32) @ vectors[at].astype(np.float32)).max()) > NEAR:
            continue
        if used[places[at]] >= PER_SECTION:
            passed.append(at)
            continue
        used[places[at]] += 1
        chosen.append(at)
    return chosen + passed[: k - len(chosen)]
