"""Automatic numbers of paragraphs in Word, such as `2.1` or `(a)`, which are not in their text."""

import re

from tools.files.ooxml.package import Element, attribute, child, elements, is_on, local, value_of

MAX_LEVEL = 9
_PLACE = re.compile(r"%([1-9])")
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc")),
    *((50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_MAX_ROMAN = 4000


class Numbering:
    """Counts the paragraphs of each list, in the document's order."""

    def __init__(self, root: Element | None) -> None:
        parts = list(elements(root))
        self._lists = {attribute(each, "numId"): each for each in parts if local(each) == "num"}
        self._definitions = {attribute(each, "abstractNumId"): each for each in parts if local(each) == "abstractNum"}
        self._counts: dict[str | None, list[int | None]] = {}
        self._restarted: set[tuple[str, int]] = set()

    def label(self, number: str, level: str | None, style: str | None) -> str:
        """The next number of a list; empty for bullets, and if there is no such list."""
        definition_id = value_of(self._lists.get(number), "abstractNumId")
        definition = self._definitions.get(definition_id)
        if definition is None:
            return ""
        levels = [each for each in elements(definition) if local(each) == "lvl"][:MAX_LEVEL]
        at = _place(levels, level, style)
        if at >= len(levels):
            return ""
        counts = self._counts.setdefault(definition_id, [None] * MAX_LEVEL)
        self._count(number, levels, at, counts)
        if value_of(levels[at], "numFmt") in ("bullet", "none", None):
            return ""
        decimal = is_on(levels[at], "isLgl")
        return _PLACE.sub(lambda found: _shown(levels, counts, int(found[1]) - 1, decimal), _text(levels[at]))

    def _count(self, number: str, levels: list[Element], at: int, counts: list[int | None]) -> None:
        begin = None if (number, at) in self._restarted else self._override(number, at)
        self._restarted.add((number, at))
        current = counts[at]
        counts[at] = _start(levels[at]) if current is None else current + 1
        if begin is not None:
            counts[at] = begin
        for above in range(at):
            if counts[above] is None:
                counts[above] = _start(levels[above])
        for below in range(at + 1, MAX_LEVEL):
            counts[below] = None

    def _override(self, number: str, at: int) -> int | None:
        for each in elements(self._lists[number]):
            if local(each) == "lvlOverride" and attribute(each, "ilvl") == str(at):
                begin = value_of(each, "startOverride") or ""
                return int(begin) if begin.isdecimal() else None
        return None


def _place(levels: list[Element], level: str | None, style: str | None) -> int:
    if level is not None and level.isdecimal():
        return int(level)
    return next((at for at, each in enumerate(levels) if style and value_of(each, "pStyle") == style), 0)


def _start(level: Element) -> int:
    begin = value_of(level, "start") or ""
    return int(begin) if begin.isdecimal() else 1


def _text(level: Element) -> str:
    return attribute(child(level, "lvlText"), "val") or ""


def _shown(levels: list[Element], counts: list[int | None], at: int, decimal: bool) -> str:
    if at >= len(levels):
        return ""
    count = counts[at] if counts[at] is not None else _start(levels[at])
    return formatted(count or 0, "decimal" if decimal else value_of(levels[at], "numFmt") or "decimal")


def formatted(count: int, style: str) -> str:
    """A number as letters or Roman, if the style says so."""
    if style in ("lowerLetter", "upperLetter") and count > 0:
        text = chr(ord("a") + (count - 1) % 26) * min((count - 1) // 26 + 1, 10)
        return text.upper() if style == "upperLetter" else text
    if style in ("lowerRoman", "upperRoman") and 0 < count < _MAX_ROMAN:
        text = ""
        for value, letters in _ROMAN:
            text += letters * (count // value)
            count %= value
        return text.upper() if style == "upperRoman" else text
    return f"{count:02}" if style == "decimalZero" else str(count)
