"""A document's text, divided along its structure for searching."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A page, or the text under one heading."""

    text: str
    page: int | None
    """Counted from 1; None if the format has no pages."""
    heading: str | None
    position: int
    """Characters from the start of the document's text."""


class SectionWriter:
    """Collects sections and computes positions; sections are assumed to be joined by a blank line."""

    def __init__(self, limit: int) -> None:
        self.sections: list[Section] = []
        self._room = limit
        self._position = 0

    @property
    def full(self) -> bool:
        """Whether the document has reached its maximum amount of text."""
        return self._room <= 0

    def add(self, text: str, *, page: int | None = None, heading: str | None = None) -> None:
        """Blank text is skipped; text beyond the limit is cut off."""
        text = text.replace("\0", "").strip()[: max(0, self._room)]
        if text:
            self.sections.append(Section(text, page, heading, self._position))
            self._position += len(text) + 2
            self._room -= len(text)
