"""The slides of a presentation: text, tables, charts, diagrams, notes and comments."""

from collections.abc import Iterator
from dataclasses import dataclass

from tools.files.ooxml.charts import graphic_text
from tools.files.ooxml.equations import equation
from tools.files.ooxml.package import (
    Element,
    Package,
    alternative,
    attribute,
    child,
    descendants,
    elements,
    local,
    text_of,
)
from tools.files.profile import FileUnreadable

MAX_SLIDES = 1000
MAX_ROWS = 500
_TITLES = ("title", "ctrTitle")
_COUNTERS = ("sldNum", "sldImg")
"""Placeholders whose text is a number or a picture of the slide."""


@dataclass(frozen=True, slots=True)
class Slide:
    """One slide as text."""

    title: str
    text: str
    hidden: bool
    tables: int
    pictures: int


class Presentation:
    """Reads the slides of `package`, in their order."""

    def __init__(self, package: Package) -> None:
        """Raises `FileUnreadable`."""
        self._package = package
        self._main = package.main or ""
        root = package.root(self._main)
        if root is None:
            raise FileUnreadable("It is a damaged PowerPoint presentation.")
        relationships = package.relationships(self._main)
        numbers = (each.get(_id(each)) or "" for each in descendants(child(root, "sldIdLst"), "sldId"))
        self._parts = [relationships[number].target for number in numbers if number in relationships]
        self._drawn: set[str] = set()
        self._authors = self._comment_authors()

    def __len__(self) -> int:
        return len(self._parts)

    def slides(self) -> Iterator[Slide]:
        """The first `MAX_SLIDES`; a damaged slide is empty."""
        for part in self._parts[:MAX_SLIDES]:
            root = self._package.root(part)
            yield self._slide(part, root) if root is not None else Slide("", "", hidden=False, tables=0, pictures=0)

    def _slide(self, part: str, root: Element) -> Slide:
        shapes = list(_shapes(child(root, "cSld", "spTree")))
        texts = [self._shape_text(part, shape) for shape in shapes]
        texts += (f"Notes: {text}" for text in self._notes(part))
        texts += self._comments(part)
        title = next((_text(child(shape, "txBody")) for shape in shapes if _placeholder(shape) in _TITLES), "")
        return Slide(
            title=" ".join(title.split()),
            text="\n".join(text.strip() for text in texts if text.strip()),
            hidden=root.get("show") in ("0", "false"),
            tables=sum(next(descendants(shape, "tbl"), None) is not None for shape in shapes),
            pictures=sum(local(shape) == "pic" for shape in shapes),
        )

    def _shape_text(self, part: str, shape: Element) -> str:
        if _placeholder(shape) in _COUNTERS:
            return ""
        lines = [_text(each) for each in descendants(shape, "txBody") if local(each.getparent()) != "tc"]
        lines += (_table(table) for table in descendants(shape, "tbl"))
        lines.append(graphic_text(self._package, part, shape, self._drawn))
        described = (attribute(next(descendants(shape, "cNvPr"), None), "descr") or "").strip()
        if described:
            lines.append(f"[Picture: {described}]")
        return "\n".join(filter(None, lines))

    def _notes(self, part: str) -> Iterator[str]:
        for notes in self._package.related(part, "notesSlide"):
            for shape in _shapes(child(self._package.root(notes), "cSld", "spTree")):
                if _placeholder(shape) not in (*_COUNTERS, "hdr", "dt") and (
                    text := _text(child(shape, "txBody")).strip()
                ):
                    yield text

    def _comments(self, part: str) -> Iterator[str]:
        for comments in self._package.related(part, "comments"):
            for each in descendants(self._package.root(comments), "cm", "reply"):
                author = self._authors.get(each.get("authorId", ""), "")
                body = child(each, "txBody")
                text = (_text(body) if body is not None else text_of(each, "text")).strip()
                if text:
                    yield f"[Comment{f' by {author}' if author else ''}: {text}]"

    def _comment_authors(self) -> dict[str, str]:
        parts = (name for kind in ("commentAuthors", "authors") for name in self._package.related(self._main, kind))
        return {
            each.get("id", ""): each.get("name", "")
            for part in parts
            for each in descendants(self._package.root(part), "cmAuthor", "author")
        }


def _id(element: Element) -> str:
    """The full name of the attribute with the relationship; `id` without a namespace is another one."""
    return next((key for key in element.attrib if key.endswith("}id")), "id")


def _shapes(tree: Element | None) -> Iterator[Element]:
    """The shapes of a slide, including those in groups."""
    for each in elements(tree):
        name = local(each)
        if name == "grpSp":
            yield from _shapes(each)
        elif name == "AlternateContent":
            yield from _shapes(alternative(each))
        elif name in ("sp", "pic", "graphicFrame", "cxnSp", "contentPart"):
            yield each


def _placeholder(shape: Element) -> str:
    found = next(descendants(shape, "ph"), None)
    return found.get("type", "body") if found is not None else ""


def _text(body: Element | None) -> str:
    """The paragraphs of a text body, one a line."""
    return "\n".join("".join(_pieces(each)) for each in descendants(body, "p"))


def _pieces(parent: Element) -> Iterator[str]:
    for each in elements(parent):
        name = local(each)
        if name == "t":
            yield each.text or ""
        elif name == "br":
            yield "\n"
        elif name == "oMath":
            yield equation(each)
        elif name == "AlternateContent":
            branch = alternative(each)
            yield from _pieces(branch) if branch is not None else ()
        elif name != "p":
            yield from _pieces(each)


def _table(table: Element) -> str:
    rows = [each for each in elements(table) if local(each) == "tr"][:MAX_ROWS]
    return "\n".join(
        " | ".join(" ".join(_text(child(cell, "txBody")).split()) for cell in elements(row) if local(cell) == "tc")
        for row in rows
    )
