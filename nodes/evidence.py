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
        if not any(abs(abs(value) - abs(other)) <= 0.5 * 10**-decimals for other in known)
        and not any(abs(value - other * 100) <= 0.5 * 10**-decimals for other in known)  # a share told in percent
    ]


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
