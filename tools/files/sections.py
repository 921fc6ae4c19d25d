"""A document's text in pieces along its structure, for whoever wants to search it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A page, or what stands below one heading."""

    text: str
    page: int | None
    """Counted from 1; None where the format has no pages."""
    heading: str | None
    position: int
    """Characters from the start of the document's text."""


class SectionWriter:
    """Collects sections and counts positions; pieces are thought of as joined by a blank line."""

    def __init__(self, limit: int) -> None:
        self.sections: list[Section] = []
        self._room = limit
        self._position = 0

    @property
    def full(self) -> bool:
        """Whether the document has given as much text as it may."""
        return self._room <= 0

    def add(self, text: str, *, page: int | None = None, heading: str | None = None) -> None:
        """Blank text is passed over; what is beyond the limit is cut off."""
        text = text.replace("\0", "").strip()[: max(0, self._room)]
        if text:
            self.sections.append(Section(text, page, heading, self._position))
            self._position += len(text) + 2
            self._room -= len(text)
