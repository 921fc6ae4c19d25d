"""Tracked changes of a document: insertions are text, deletions are only counted."""

from dataclasses import dataclass, field

from tools.files.ooxml.package import Element, attribute, local

REMOVED = frozenset(("del", "moveFrom", "cellDel"))
"""Elements around what was deleted, or moved elsewhere."""
MAX_AUTHORS = 5
_COUNTED = {"ins": "insertion", "del": "deletion", "cellDel": "deletion", "moveFrom": "move"}


@dataclass(slots=True)
class Revisions:
    """The tracked changes that were met."""

    counts: dict[str, int] = field(default_factory=dict)
    authors: dict[str, None] = field(default_factory=dict)

    def add(self, element: Element) -> None:
        """Count an element if it is a change."""
        noun = _COUNTED.get(local(element))
        if noun is not None:
            self.counts[noun] = self.counts.get(noun, 0) + 1
            if author := attribute(element, "author"):
                self.authors[author] = None

    @property
    def remark(self) -> str:
        """One sentence; empty if there are no changes."""
        if not self.counts:
            return ""
        counts = ", ".join(f"{count} {noun}{'s' * (count > 1)}" for noun, count in self.counts.items())
        by = f" by {', '.join(list(self.authors)[:MAX_AUTHORS])}" if self.authors else ""
        return f"It has tracked changes ({counts}{by}): inserted text is included, deleted text is left out."
