"""Splits a document into passages: by sections, and within one by paragraphs, lines and sentences."""

import bisect
import math
import re
from collections.abc import Callable, Iterator, Sequence

from workspace.retrieval.types import Passage, SectionLike, Spans

_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?\u3002\uff01\uff1f])[\"')\]]*\s+"))
"""Where a text may be split, best places first."""


def cut(
    sections: Sequence[SectionLike], spans: Callable[[str], Spans], size: int, overlap: int, limit: int
) -> tuple[list[Passage], bool]:
    """`(at most `limit` passages of at most `size` tokens, whether there are more)`.

    A passage repeats at most `overlap` tokens of the previous one (and at most a quarter of `size`), in whole
    sentences, and never from another section.
    """
    overlap = min(overlap, size // 4)
    passages: list[Passage] = []
    for section in sections:
        for start, end in _pieces(section.text, spans(section.text), size, overlap):
            text = section.text[start:end].strip()
            if not text:
                continue
            if len(passages) >= limit:
                return passages, True
            lead = len(section.text[start:end]) - len(section.text[start:end].lstrip())
            passages.append(Passage(text, section.page, section.heading, section.position + start + lead))
    return passages, False


def _pieces(text: str, spans: Spans, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Start and end of each piece, in characters; all of similar length."""
    breaks = [[match.end() for match in pattern.finditer(text)] for pattern in _BREAKS]
    starts = [start for start, _ in spans]
    first = 0
    while len(spans) - first > size:
        left = len(spans) - first
        wanted = first + math.ceil(left / math.ceil(left / size))
        last = _last_token(starts, breaks, first, wanted, first + size)
        yield starts[first], starts[last]
        first = max(first + 1, _back(starts, breaks, last, overlap))
    if first < len(spans):
        yield starts[first], len(text)


def _last_token(starts: list[int], breaks: list[list[int]], first: int, wanted: int, most: int) -> int:
    """The first token of the next piece: at the best kind of break within reach, closest to `wanted`."""
    least = first + max(1, (wanted - first) // 2)
    for places in breaks:
        low = bisect.bisect_left(places, starts[least])
        high = bisect.bisect_right(places, starts[most])
        tokens = [bisect.bisect_left(starts, place) for place in places[low:high]]
        inside = [token for token in tokens if least <= token <= most]
        if inside:
            return min(inside, key=lambda token: abs(token - wanted))
    return wanted


def _back(starts: list[int], breaks: list[list[int]], last: int, overlap: int) -> int:
    """The first complete line or sentence that starts within the last `overlap` tokens; `last` if there is none."""
    if overlap <= 0:
        return last
    low, high = starts[max(0, last - overlap)], starts[last]
    near = []
    for places in breaks[1:]:
        at = bisect.bisect_left(places, low)
        if at < len(places) and places[at] < high:
            near.append(bisect.bisect_left(starts, places[at]))
    return min(near, default=last)
