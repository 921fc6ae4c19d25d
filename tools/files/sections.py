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
