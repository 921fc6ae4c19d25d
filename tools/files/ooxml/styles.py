"""Styles of a Word document: which are headings, which are hidden, which are numbered."""

from dataclasses import dataclass

from tools.files.ooxml.package import Element, attribute, child, elements, is_on, local, value_of

_MAX_CHAIN = 20
_BODY_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Style:
    """A style with what it inherits."""

    level: int = 0
    """Of a heading, from 1; 0 for other text."""
    hidden: bool = False
    numbering: tuple[str, str | None] | None = None
    """The list and its level, if the style's paragraphs are numbered."""


class Styles:
    """The styles by ID."""

    def __init__(self, root: Element | None) -> None:
        found = (each for each in elements(root) if local(each) == "style")
        self._raw = {attribute(each, "styleId"): each for each in found}
        self._known: dict[str, Style] = {}

    def style(self, name: str | None) -> Style:
        """The style with this ID; one without properties if there is none."""
        if name is None:
            return Style()
        if name not in self._known:
            self._known[name] = self._resolved(name)
        return self._known[name]

    def _resolved(self, name: str) -> Style:
        level, hidden, numbering = 0, False, None
        at: str | None = name
        for _ in range(_MAX_CHAIN):
            raw = self._raw.get(at)
            if raw is None:
                break
            level = level or _level(raw)
            hidden = hidden or is_on(raw, "rPr", "vanish")
            numbering = numbering or list_of(child(raw, "pPr"))
            at = value_of(raw, "basedOn")
        return Style(level, hidden, numbering)


def list_of(properties: Element | None) -> tuple[str, str | None] | None:
    """The list of a paragraph and its level in it."""
    number = value_of(properties, "numPr", "numId")
    return (number, value_of(properties, "numPr", "ilvl")) if number is not None else None


def outline_level(properties: Element | None) -> int:
    """A paragraph's own level in the outline, from 1; 0 if it has none."""
    level = value_of(properties, "outlineLvl") or ""
    return int(level) + 1 if level.isdecimal() and int(level) < _BODY_LEVEL else 0


def _level(raw: Element) -> int:
    name = (value_of(raw, "name") or "").casefold()
    if name == "title":
        return 1
    number = name.removeprefix("heading ")
    if number != name and number.isdecimal() and len(number) == 1:
        return int(number)
    return outline_level(child(raw, "pPr"))
