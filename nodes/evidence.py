"""Does an answer say numbers that nothing it was made from contains?"""

import re
from collections.abc import Iterable

from tools.coding.fences import without_programs

_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?")


def unsupported_numbers(answer: str, evidence: Iterable[str]) -> list[str]:
    """Numbers of `answer`, its programs aside, that are neither in `evidence` nor a rounding of one that is."""
    known = {value for text in evidence for _, value, _ in _numbers(text)}
    return [
        raw
        for raw, value, decimals in _numbers(without_programs(answer))
        if not any(_rounds(value, decimals, other) for other in known)
        and not any(abs(value - other * 100) <= 0.5 * 10**-decimals for other in known)  # a share told in percent
    ]


def is_told(result: str, asked: str, answer: str) -> bool:
    """Whether `answer` tells the `result` of what was `asked`: one of its new numbers, else half of its new words.

    A number is new when it does not stand in `asked`; it is told by a rounding of it too.
    """
    known = {value for _, value, _ in _numbers(asked)}
    if new := [value for _, value, _ in _numbers(result) if value not in known]:
        return any(_rounds(value, decimals, number) for number in new for _, value, decimals in _numbers(answer))
    words = _words(result)
    sought = words - _words(asked) or words
    return 2 * len(sought & _words(answer)) >= len(sought)


def _rounds(value: float, decimals: int, other: float) -> bool:
    """Whether `value`, written with so many decimals, may be `other`; a minus may have gone into the words."""
    return abs(abs(value) - abs(other)) <= 0.5 * 10.0**-decimals


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) > 2}


def _numbers(text: str) -> list[tuple[str, float, int]]:
    """`(as written, value, decimals)` of each number; 1,234.50 is one number with two decimals."""
    found = []
    for raw in _NUMBER.findall(text):
        digits = raw.strip(",").replace(",", "")
        try:
            value = float(digits)
        except ValueError:
            continue
        found.append((raw, value, len(digits.partition(".")[2])))
    return found
