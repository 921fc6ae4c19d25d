"""A Word document: its blocks, headers and footers, and what a reader has to know about them."""

import io
from collections.abc import Iterator
from itertools import islice

from tools.files.ooxml.embedded import embedded_texts
from tools.files.ooxml.notes import Notes
from tools.files.ooxml.numbering import Numbering
from tools.files.ooxml.package import Element, Package, child, descendants, elements, local
from tools.files.ooxml.revisions import Revisions
from tools.files.ooxml.story import Block, Shared, Story, note_blocks, spans
from tools.files.ooxml.styles import Styles
from tools.files.profile import FileUnreadable

MAX_BLOCKS = 50_000
MAX_COLUMNS = 100
_MARGINS = ("header", "footer")
"""Kinds of the parts that are repeated on every page."""


class WordDocument:
    """Reads the parts of `package`."""

    def __init__(self, package: Package, *, nested: bool = False) -> None:
        """A `nested` document's own embedded documents are not read. Raises `FileUnreadable`."""
        self._package = package
        self._main = package.main or ""
        root = package.root(self._main)
        body = child(root, "body")
        if root is None or body is None:
            raise FileUnreadable("It is a damaged Word document.")
        self._body: Element = body
        self.revisions = Revisions()
        self._nested = nested
        self._styles = Styles(self._part("styles"))
        self._shared = self._opened(self.revisions)

    def blocks(self) -> Iterator[Block]:
        """Headings, paragraphs and tables, with notes, comments and text boxes behind the paragraph they belong to."""
        yield from islice(Story(self._shared, self._main).blocks(self._body), MAX_BLOCKS)
        for note in self._shared.notes.rest():
            yield from note_blocks(self._shared, note)

    def margins(self) -> list[str]:
        """Each different header and footer once."""
        texts: dict[str, None] = {}
        for kind in _MARGINS:
            for part in self._package.related(self._main, kind):
                root = self._package.root(part)
                lines = [block.text for block in Story(self._shared, part).blocks(root)] if root is not None else []
                if text := "\n".join(lines).strip():
                    texts[f"{kind.capitalize()}: {text}"] = None
        return list(texts)

    def tables(self) -> list[Element]:
        """The tables that are not inside another element, in python-docx's order."""
        return [each for each in elements(self._body) if local(each) == "tbl"]

    def cells(self, table: Element, limit: int) -> list[list[str]]:
        """The text of at most `limit` rows; a merged cell is repeated in each place that it covers."""
        story = Story(self._opened(Revisions()), self._main)
        rows: list[list[str]] = []
        for cells in story.rows(table):
            row: list[str] = []
            for cell in cells:
                width, continued = spans(cell)
                above = rows[-1][len(row)] if continued and rows and len(row) < len(rows[-1]) else None
                row += [story.cell_text(cell) if above is None else above] * width
            rows.append(row[:MAX_COLUMNS])
            if len(rows) >= limit:
                break
        return rows

    @property
    def images(self) -> int:
        return sum(1 for _ in descendants(self._body, "pic", "imagedata"))

    def _opened(self, revisions: Revisions) -> Shared:
        return Shared(
            package=self._package,
            styles=self._styles,
            numbering=Numbering(self._part("numbering")),
            notes=Notes(self._package, self._main),
            revisions=revisions,
            embedded=self._embedded,
            drawn=set(),
        )

    def _embedded(self, part: str) -> list[Block]:
        data = self._package.data(part)
        if not data.startswith(b"PK"):
            return [Block(text) for text in embedded_texts(data)]
        if self._nested:
            return []
        try:
            return list(WordDocument(Package(io.BytesIO(data)), nested=True).blocks())
        except FileUnreadable:
            return []

    def _part(self, kind: str) -> Element | None:
        return self._package.root(next(self._package.related(self._main, kind), None))
