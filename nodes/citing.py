"""Citations in an answer: which are there, and the one that a forgetful model owes."""

import re
from collections.abc import Sequence

from tools.results import Source

CITATION = re.compile(r"\[(\d{1,3})\]")
_WORD = re.compile(r"\w{3,}|\d+")
ENOUGH = 0.5
"""Share of the answer's words that a passage must hold to be taken for its source."""


def cited(answer: str, count: int) -> list[int]:
    """Numbers of the sources that the answer cites, in order, each once; of `count` sources counted from 1."""
    numbers = (int(number) for number in CITATION.findall(answer))
    return list(dict.fromkeys(n for n in numbers if 1 <= n <= count))


def owed(answer: str, sources: Sequence[Source]) -> str:
    """` [n]` for the source that holds most of the answer's words, when the answer cites none; else nothing."""
    if not sources or cited(answer, len(sources)):
        return ""
    words = _words(answer)
    if not words:
        return ""
    shares = [len(words & _words(source["text"])) / len(words) for source in sources]
    best = max(range(len(sources)), key=lambda at: shares[at])
    return f" [{best + 1}]" if shares[best] >= ENOUGH else ""


def without_citations(text: str) -> str:
    return CITATION.sub("", text)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))
