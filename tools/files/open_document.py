"""The text of OpenDocument's markup."""

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from tools.files.ooxml.package import Element, attribute, child, descendants, elements, facts_in, local, text_of
from tools.files.ooxml.revisions import Revisions
from tools.files.profile import Fact

MAX_REPEATED = 50
MAX_ROWS = 2000
MAX_UNITS = 50_000
_SILENT = frozenset(
    ("tracked-changes", "sequence-decls", "forms", "annotation-end", "bookmark-start", "bookmark-end", "ruby-text",
     "settings", "automatic-styles", "bibliography-source", "table-of-content-source")
)  # fmt: skip
_PLACEHOLDERS = ("placeholder",)
_MARGINS = ("header", "footer", "header-first", "footer-first", "header-left", "footer-left")
_ABOUT = {
    "title": "title", "initial-creator": "author", "creator": "author", "subject": "subject", "keyword": "keywords",
    "creation-date": "created", "date": "modified",
}  # fmt: skip


@dataclass(slots=True)
class Unit:
    """The text under one heading, or of one slide."""

    heading: str = ""
    level: int = 1
    page: int | None = None
    lines: list[str] = field(default_factory=list)
    paragraphs: int = 0

    @property
    def text(self) -> str:
        return "\n".join(line for line in self.lines if line.strip())


@dataclass(slots=True)
class Content:
    """The text of a document."""

    units: list[Unit] = field(default_factory=lambda: [Unit()])
    margins: list[str] = field(default_factory=list)
    tables: int = 0
    pictures: int = 0
    revisions: Revisions = field(default_factory=Revisions)


class Reader:
    """Reads one document."""

    def __init__(self, part: Callable[[str], Element | None]) -> None:
        """`part` returns the root of another part of the file by its name."""
        self._part = part
        self._content = Content()
        self._read = {"content.xml"}
        """Names of the parts that have been read."""
        self._hidden: set[str] = set()
        """Styles whose text, or whose slide, is hidden."""

    def read(self, root: Element, styles: Element | None) -> Content:
        """`root` is the root of `content.xml`, `styles` that of `styles.xml`."""
        for each in (root, *([styles] if styles is not None else [])):
            self._hidden |= set(_hidden_styles(each))
        for noun in ("insertion", "deletion"):
            if count := sum(1 for _ in descendants(root, noun)):
                self._content.revisions.counts[noun] = count
        body = child(root, "body")
        for kind in elements(body):
            self._blocks(kind)
        margins: dict[str, None] = {}
        for each in descendants(styles, *_MARGINS):
            if text := "\n".join(self._lines(each)).strip():
                margins[f"{local(each).partition('-')[0].capitalize()}: {text}"] = None
        self._content.margins = list(margins)
        return self._content

    def _blocks(self, parent: Element) -> None:
        for each in elements(parent):
            name = local(each)
            if name in _SILENT or len(self._content.units) > MAX_UNITS:
                continue
            if name == "page":
                self._slide(each)
            elif name == "h":
                heading = "\n".join(self._lines_of(each))
                level = attribute(each, "outline-level") or "1"
                self._content.units.append(Unit(heading, min(int(level), 9) if level.isdecimal() else 1))
                self._add([heading])
            elif name in ("p", "table", "list"):
                self._add(self._lines_of(each))
            elif name in ("frame", "custom-shape", "g") or name.endswith("shape"):
                self._add(self._lines(each))
            else:
                self._blocks(each)

    def _add(self, lines: list[str]) -> None:
        self._content.units[-1].lines += lines
        self._content.units[-1].paragraphs += 1

    def _slide(self, page: Element) -> None:
        number = sum(unit.page is not None for unit in self._content.units) + 1
        title = next((each for each in descendants(page, "frame") if attribute(each, "class") == "title"), None)
        heading = " ".join(" ".join(self._lines(title)).split()) if title is not None else ""
        unit = Unit(heading, page=number)
        for each in elements(page):
            lines = self._lines_of(each)
            notes = local(each) == "notes"
            unit.lines += [f"Notes: {line}" for line in lines if line.strip()] if notes else lines
        if attribute(page, "style-name") in self._hidden:
            unit.lines.append("This slide is hidden.")
        self._content.units.append(unit)

    def _lines(self, parent: Element) -> list[str]:
        return [line for each in elements(parent) for line in self._lines_of(each)]

    def _lines_of(self, element: Element) -> list[str]:
        """The paragraphs in an element, with the notes and frames that are anchored in them."""
        name = local(element)
        if name in _SILENT or (name == "page-thumbnail"):
            return []
        if name in ("p", "h"):
            anchored: list[str] = []
            text = "".join(self._inline(element, anchored))
            return [text, *anchored]
        if name == "annotation":
            author = text_of(element, "creator")
            text = " ".join("".join(self._inline(each, [])) for each in descendants(element, "p"))
            return [f"[Comment by {author}: {text}]" if author else f"[Comment: {text}]"]
        if name == "table":
            self._content.tables += 1
            return list(self._rows(element))
        if name == "image":
            self._content.pictures += 1
        if name == "object":
            return self._embedded(element)
        described = text_of(element, "desc")
        return [*self._lines(element), *([f"[Picture: {described}]"] if described else [])]

    def _embedded(self, element: Element) -> list[str]:
        """The title and the values of a chart, or the words of another embedded document."""
        name = posixpath.normpath(posixpath.join(attribute(element, "href") or "", "content.xml"))
        if name in self._read:
            return []
        self._read.add(name)
        root = self._part(name)
        body = child(root, "body")
        lines = self._lines(body) if body is not None else []
        return (
            [f"Chart: {lines[0]}", *lines[1:]]
            if lines and next(descendants(body, "chart"), None) is not None
            else lines
        )

    def _inline(self, parent: Element, anchored: list[str]) -> Iterator[str]:
        yield parent.text or ""
        for each in parent:
            name = local(each)
            if name == "s":
                count = attribute(each, "c") or "1"
                yield " " * (min(int(count), MAX_REPEATED) if count.isdecimal() else 1)
            elif name in ("tab", "line-break"):
                yield "\t" if name == "tab" else "\n"
            elif name == "note":
                kind = (attribute(each, "note-class") or "footnote").capitalize()
                body = child(each, "note-body")
                text = " ".join(self._lines(body)) if body is not None else ""
                anchored.append(f"[{kind}: {text.strip()}]")
            elif name == "annotation" or name in ("frame", "custom-shape", "g"):
                anchored += self._lines_of(each)
            elif name == "hidden-text":
                yield f"[Hidden text: {attribute(each, 'string-value') or ''}]"
            elif name and name not in _SILENT and name not in _PLACEHOLDERS:
                text = "".join(self._inline(each, anchored))
                hidden = name == "span" and attribute(each, "style-name") in self._hidden and text.strip()
                yield f"[Hidden text: {text.strip()}]" if hidden else text
            yield each.tail or ""

    def _rows(self, table: Element) -> Iterator[str]:
        for row in islice(_own_rows(table), MAX_ROWS):
            cells = [each for each in elements(row) if local(each) == "table-cell"][:100]
            texts = [" ".join(" ".join(self._lines(cell)).split()) for cell in cells]
            if any(texts):
                yield " | ".join(texts)


def _own_rows(table: Element) -> Iterator[Element]:
    """The rows of a table, not those of tables in its cells."""
    for each in elements(table):
        if local(each) == "table-row":
            yield each
        elif local(each).startswith("table-") and local(each) != "table-column":
            yield from _own_rows(each)


def _hidden_styles(root: Element) -> Iterator[str]:
    """Styles of hidden text, and of hidden slides."""
    for style in descendants(root, "style"):
        properties = list(elements(style))
        if any(
            attribute(each, "display") == "none" or attribute(each, "visibility") == "hidden" for each in properties
        ):
            yield attribute(style, "name") or ""


def about(meta: Element | None) -> dict[str, Fact]:
    """Author, title and dates."""
    return facts_in(child(meta, "meta"), _ABOUT)
