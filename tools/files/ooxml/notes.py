"""Footnotes, endnotes and comments of a Word document, each given out once."""

from collections.abc import Iterator
from dataclasses import dataclass

from tools.files.ooxml.package import Element, Package, attribute, elements, local

_PARTS = {"footnote": "footnotes", "endnote": "endnotes", "comment": "comments"}
_SEPARATORS = ("separator", "continuationSeparator", "continuationNotice")


@dataclass(frozen=True, slots=True)
class Note:
    """A note, the part that has it, and what to call it."""

    part: str
    element: Element
    label: str


class Notes:
    """The notes by their references."""

    def __init__(self, package: Package, main: str) -> None:
        self._found: dict[tuple[str, str], Note] = {}
        for kind, relationship in _PARTS.items():
            for part in package.related(main, relationship):
                root = package.root(part)
                for each in elements(root):
                    if local(each) == kind and attribute(each, "type") not in _SEPARATORS:
                        self._found[kind, attribute(each, "id") or ""] = Note(part, each, _label(kind, each))

    def take(self, kind: str, number: str) -> Note | None:
        """The note with this reference, unless it was taken before."""
        return self._found.pop((kind, number), None)

    def rest(self) -> Iterator[Note]:
        """Comments that no reference leads to; unreferenced footnotes are not displayed either."""
        for key in [key for key in self._found if key[0] == "comment"]:
            yield self._found.pop(key)


def _label(kind: str, element: Element) -> str:
    author = (attribute(element, "author") or "").strip()
    return f"{kind.capitalize()} by {author}" if author else kind.capitalize()
