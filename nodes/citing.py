"""Citations in an answer: which are there, and the one that a forgetful model owes."""

import re
from collections.abc import Sequence

from tools.results import Source

CITATION = re.compile(r"\[(\d{1,3})\]")
_WORD = re.compile(r"\w{3,}|\d+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
ENOUGH = 0.5
"""Share of the answer's words that a passage must hold to be taken for its source."""
ENOUGH_OF_A_SENTENCE = 0.9
"""The same for one sentence of the answer, of at least `MIN_WORDS` words."""
MIN_WORDS = 4


def cited(answer: str, count: int) -> list[int]:
    """Numbers of the sources that the answer cites, in order, each once; of `count` sources counted from 1."""
    numbers = (int(number) for number in CITATION.findall(answer))
    return list(dict.fromkeys(n for n in numbers if 1 <= n <= count))


def owed(answer: str, sources: Sequence[Source]) -> str:
    """` [n]` for the source that holds most of the answer's words, when the answer cites none; else nothing."""
    if not sources or cited(answer, len(sources)):
        return ""
    held = [_words(source["text"]) for source in sources]
    best, share = _best(_words(answer), held)
    if share >= ENOUGH:
        return f" [{best + 1}]"
    sentences = [words for sentence in _SENTENCE.split(answer) if len(words := _words(sentence)) >= MIN_WORDS]
    best, share = max((_best(words, held) for words in sentences), key=lambda found: found[1], default=(0, 0.0))
    return f" [{best + 1}]" if share >= ENOUGH_OF_A_SENTENCE else ""


def _best(words: set[str], held: Sequence[set[str]]) -> tuple[int, float]:
    """The source that holds most of `words`, and what share of them."""
    if not words:
        return 0, 0.0
    shares = [len(words & source) / len(words) for source in held]
    best = max(range(len(shares)), key=lambda at: shares[at])
    return best, shares[best]


def without_citations(text: str) -> str:
    return CITATION.sub("", text)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))
