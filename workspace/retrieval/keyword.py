"""Keyword search: terms, and BM25 over them."""

import re
from collections.abc import Sequence

import bm25s
import numpy as np
import Stemmer
from bm25s.stopwords import STOPWORDS_EN_PLUS
from numpy.typing import NDArray

_SYLLABLES = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_WORD = re.compile(rf"[{_SYLLABLES}]+|[^\W{_SYLLABLES}]{{2,}}|\d")
_STOPWORDS = frozenset(STOPWORDS_EN_PLUS)
_FIRST_SYLLABLE = "\u3040"


def terms(text: str) -> list[str]:
    """Stemmed words without stopwords. Chinese, Japanese and Korean, which cannot be stemmed, as character pairs."""
    words: list[str] = []
    for word in _WORD.findall(text.lower()):
        if word[0] >= _FIRST_SYLLABLE and len(word) > 1:
            words += (word[at : at + 2] for at in range(len(word) - 1))
        elif word not in _STOPWORDS:
            words.append(word)
    stemmed: list[str] = Stemmer.Stemmer("english").stemWords(words)
    return stemmed


class KeywordIndex:
    """BM25 (Lucene's variant, `k1` 1.5, `b` 0.75) over the terms of passages."""

    def __init__(self, passages: Sequence[list[str]]) -> None:
        self._count = len(passages)
        self._index: bm25s.BM25 | None = None
        if any(passages):
            self._index = bm25s.BM25(k1=1.5, b=0.75)
            self._index.index(list(passages), show_progress=False)

    def scores(self, question: list[str]) -> NDArray[np.float32]:
        """One score per passage; 0 if no word matches."""
        if self._index is None or not question:
            return np.zeros(self._count, np.float32)
        found: NDArray[np.float32] = self._index.get_scores(question)
        return found
