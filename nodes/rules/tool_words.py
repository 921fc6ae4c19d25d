"""Rules for client tools: whether a question is about one of them, by the words of its name and description."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_WORD = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])")
_GENERAL_WORDS = (
    "a about add all an and any api are as ask at be by call can check create current data delete do edit execute fetch"
    " file files find for from function get give given handle has have how if in info information input into is it item"
    " its list load look make me my name new not number of on one open or output perform please provide query read"
    " remove result return run save search send set show so some specific store submit text than that the their them"
    " these they this to tool up update use used user using value view was what when where which who will with write"
    " you your"
)
"""Words that do not tell what a tool is for."""
_GENERAL = frozenset(_GENERAL_WORDS.split())
MIN_STEM = 4


def telling_words(text: str) -> set[str]:
    """The words of a name or a text that tell what it is about, in lower case."""
    return {word.casefold() for word in _WORD.findall(text)} - _GENERAL


def is_named(name: str, question: str) -> bool:
    """Whether the question has all telling words of a tool's name."""
    words = telling_words(name)
    return bool(words) and words == _common(words, telling_words(question))


def common_words(function: Mapping[str, Any], question: str) -> int:
    """How many telling words of the question are in the tool's name and description; those in the name count double."""
    asked, name = telling_words(question), telling_words(function["name"])
    described = telling_words(function.get("description") or "")
    return len(_common(asked, name)) + len(_common(asked, name | described))


def _common(words: Iterable[str], others: set[str]) -> set[str]:
    return {word for word in words if any(_alike(word, other) for other in others)}


def _alike(one: str, other: str) -> bool:
    """Whether they are forms of one word, such as its singular and its plural."""
    short, long = sorted((one, other), key=len)
    if short == long:
        return True
    stem = max(MIN_STEM, len(short) - 2)
    return len(long) - len(short) <= 3 and len(short) >= stem and short[:stem] == long[:stem]
