"""A document's text, divided along its structure for searching."""

from collections.abc import Mapping
from dataclasses import dataclass

_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_CHARACTERS = str.maketrans({**_LIGATURES, "\0": "", "\u00ad": "", "\u200b": "", "\ufeff": ""})
"""Characters that would keep a word from being found."""


@dataclass(frozen=True, slots=True)
class Section:
    """A page, or the text under one heading."""

    text: str
    page: int | None
    """Counted from 1; None if the format has no pages."""
    heading: str | None
    position: int
    """Characters from the start of the document's text."""


@dataclass(frozen=True, slots=True)
class Scans:
    """The pages of a document whose text is in pictures."""

    pages: int
    """Number of all pages."""
    numbers: list[int]
    """Counted from 1."""
    pictures_only: bool = False
    """The document is an image, so it may well have no text."""


@dataclass(frozen=True, slots=True)
class DocumentText:
    """A document's text, as far as it is not in pictures."""

    sections: list[Section]
    scans: Scans

    def with_pages(self, texts: Mapping[int, str], limit: int) -> list[Section]:
        """The sections, with the text of scanned pages added at their place; at most `limit` characters."""
        writer = SectionWriter(limit)
        rest = dict(texts)
        paged = self.scans.pages > 1 or not self.scans.pictures_only
        for section in self.sections:
            for number in [number for number in rest if section.page is not None and number < section.page]:
                writer.add(rest.pop(number), page=number)
            added = rest.pop(section.page, "") if section.page is not None else ""
            writer.add(f"{section.text}\n{added}", page=section.page, heading=section.heading)
        for number, text in rest.items():
            writer.add(text, page=number if paged else None)
        return writer.sections


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
        text = text.translate(_CHARACTERS).strip()[: max(0, self._room)]
        if text:
            self.sections.append(Section(text, page, heading, self._position))
            self._position += len(text) + 2
            self._room -= len(text)
