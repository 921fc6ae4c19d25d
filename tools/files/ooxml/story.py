"""The text of a Word document in reading order: paragraphs, tables, text boxes, notes, comments."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.files.ooxml.charts import drawn_text, graphic_text
from tools.files.ooxml.notes import Note, Notes
from tools.files.ooxml.numbering import Numbering
from tools.files.ooxml.package import (
    Element,
    Package,
    alternative,
    attribute,
    child,
    descendants,
    elements,
    is_on,
    local,
    value_of,
)
from tools.files.ooxml.paragraph import SILENT, Anchored, ParagraphReader, filled_control
from tools.files.ooxml.revisions import REMOVED, Revisions
from tools.files.ooxml.styles import Styles, list_of, outline_level

MAX_CELLS = 100
"""Maximum number of cells of a row that are read."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or a table."""

    text: str
    level: int = 0
    """Of a heading, from 1; 0 for other text."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the parts of a document have in common."""

    package: Package
    styles: Styles
    numbering: Numbering
    notes: Notes
    revisions: Revisions
    embedded: Callable[[str], list[Block]]
    """The content of an embedded document, by the name of its part."""
    drawn: set[str]
    """Names of charts, diagrams and embedded documents that have been read."""


class Story:
    """Reads one part of a document: its body, a header, its comments."""

    def __init__(self, shared: Shared, part: str) -> None:
        self._shared = shared
        self._part = part
        self._paragraphs = ParagraphReader(shared.styles, shared.revisions, self._address)
        self._carried = ""
        """A paragraph whose end was deleted: it continues in the next one."""

    def blocks(self, parent: Element) -> Iterator[Block]:
        """The blocks of a body, a cell, a text box. Unknown elements may contain some, so they are walked through."""
        for each in elements(parent):
            name = local(each)
            if name in REMOVED or name == "ins":
                self._shared.revisions.add(each)
            if name == "p":
                yield from self._paragraph(each)
            elif name == "tbl":
                yield from self._table(each)
            elif name == "sdt":
                yield from self._control(each)
            elif name == "altChunk":
                yield from self._embedded(each)
            elif name == "AlternateContent":
                branch = alternative(each)
                yield from self.blocks(branch) if branch is not None else ()
            elif name not in SILENT and name not in REMOVED:
                yield from self.blocks(each)

    def rows(self, table: Element) -> Iterator[list[Element]]:
        """The cells of each row, without deleted rows and cells."""
        for each in elements(table):
            if local(each) == "tr":
                change = child(each, "trPr", "del")
                if change is None:
                    yield list(_cells(each))[:MAX_CELLS]
                else:
                    self._shared.revisions.add(change)
            elif local(each) not in SILENT and local(each) not in REMOVED:
                yield from self.rows(each)

    def cell_text(self, cell: Element) -> str:
        """In one line."""
        return " ".join(" ".join(block.text for block in self.blocks(cell)).split())

    def _paragraph(self, paragraph: Element) -> Iterator[Block]:
        properties = child(paragraph, "pPr")
        style_id = value_of(properties, "pStyle")
        style = self._shared.styles.style(style_id)
        content = self._paragraphs.read(paragraph)
        text, self._carried = self._carried + content.text, ""
        if child(properties, "rPr", "del") is not None:
            self._carried = text
        elif text.strip():
            number = list_of(properties) or style.numbering
            label = self._shared.numbering.label(*number, style_id) if number else ""
            text = f"{label} {text.strip()}" if label else text.strip("\n")
            text = f"[Hidden text: {text.strip()}]" if style.hidden and "[Hidden text:" not in text else text
            yield Block(text, outline_level(properties) or style.level)
        for each in content.anchored:
            yield from self._anchored(each)

    def _table(self, table: Element) -> Iterator[Block]:
        rows = list(self.rows(table))
        if max(map(len, rows), default=0) == 1:  # a frame around text
            for cell in (cell for row in rows for cell in row):
                yield from self.blocks(cell)
            return
        lines = [" | ".join(map(self.cell_text, row)) for row in rows]
        if any(line.strip(" |") for line in lines):
            yield Block("\n".join(lines))

    def _control(self, control: Element) -> Iterator[Block]:
        """A content control around paragraphs. Its title is put before its value, unless the value says what it is."""
        title, inside = filled_control(control)
        for at, block in enumerate(self.blocks(inside) if inside is not None else ()):
            named = at == 0 and not block.level and title and title.casefold() not in block.text.casefold()
            yield Block(f"{title}: {block.text}", block.level) if named else block

    def _embedded(self, element: Element) -> Iterator[Block]:
        relationship = self._shared.package.relationships(self._part).get(attribute(element, "id") or "")
        if relationship is None or relationship.external or relationship.target in self._shared.drawn:
            return
        self._shared.drawn.add(relationship.target)
        yield from self._shared.embedded(relationship.target)

    def _anchored(self, anchored: Anchored) -> Iterator[Block]:
        if isinstance(anchored, str):
            yield Block(anchored)
        elif local(anchored).endswith("Reference"):
            note = self._shared.notes.take(local(anchored).removesuffix("Reference"), attribute(anchored, "id") or "")
            yield from note_blocks(self._shared, note) if note is not None else ()
        else:
            yield from self._drawing(anchored)

    def _drawing(self, drawing: Element) -> Iterator[Block]:
        boxes = [drawing] if local(drawing) == "txbxContent" else list(_boxes(drawing))
        for box in boxes:
            yield from self.blocks(box)
        texts = [] if boxes else [drawn_text(drawing)]
        texts.append(graphic_text(self._shared.package, self._part, drawing, self._shared.drawn))
        texts += (f"[Picture: {each.get('descr')}]" for each in descendants(drawing, "docPr") if each.get("descr"))
        texts += (
            f"[Watermark: {each.get('string')}]" for each in descendants(drawing, "textpath") if each.get("string")
        )
        yield from (Block(text.strip()) for text in texts if text.strip())

    def _address(self, relationship_id: str) -> str | None:
        relationship = self._shared.package.relationships(self._part).get(relationship_id)
        return relationship.target if relationship is not None and relationship.external else None


def note_blocks(shared: Shared, note: Note) -> Iterator[Block]:
    """A note as one block, in brackets."""
    text = "\n".join(block.text for block in Story(shared, note.part).blocks(note.element)).strip()
    if text:
        yield Block(f"[{note.label}: {text}]")


def spans(cell: Element) -> tuple[int, bool]:
    """How many columns a cell has, and whether it continues the one above."""
    width = value_of(cell, "tcPr", "gridSpan") or ""
    merged = child(cell, "tcPr", "vMerge")
    continued = merged is not None and attribute(merged, "val") != "restart"
    return min(int(width), MAX_CELLS) if width.isdecimal() and int(width) else 1, continued


def _cells(row: Element) -> Iterator[Element]:
    for each in elements(row):
        if local(each) == "tc":
            if child(each, "tcPr", "cellDel") is None:
                yield each
        elif local(each) == "sdt" and is_on(each, "sdtPr", "showingPlcHdr"):
            continue
        elif local(each) not in SILENT and local(each) not in REMOVED:
            yield from _cells(each)


def _boxes(drawing: Element) -> Iterator[Element]:
    """The outermost text boxes of a drawing."""
    for each in elements(drawing):
        if local(each) == "txbxContent":
            yield each
        elif local(each) == "AlternateContent":
            branch = alternative(each)
            yield from _boxes(branch) if branch is not None else ()
        else:
            yield from _boxes(each)
