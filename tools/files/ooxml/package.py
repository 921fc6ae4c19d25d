"""The parts of an Office Open XML file and their relationships.

Elements are compared by local name, because the transitional and the strict variant have different namespaces.
"""

import posixpath
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from lxml import etree

from tools.files.formats import office
from tools.files.profile import DAMAGE, Fact, FileUnreadable, plain

Element = Any
"""An element of lxml, which has no types."""
MAX_XML = 64 << 20
_PROPERTIES = {
    "title": "title", "creator": "author", "subject": "subject", "keywords": "keywords", "created": "created",
    "modified": "modified",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Relationship:
    """A reference from one part to another, or to an address outside the file."""

    kind: str
    """The last part of its type: `image`, `header`, `chart`."""
    target: str
    external: bool


class Package:
    """The parts of a file. A part is parsed once."""

    def __init__(self, file: Path | IO[bytes]) -> None:
        """Raises `FileUnreadable` for a damaged file, and for one that unpacks to too much."""
        try:
            self._archive = zipfile.ZipFile(file)
        except (*DAMAGE, NotImplementedError) as error:
            raise FileUnreadable("It is a damaged Office file.") from error
        office.check_archive(self._archive, MAX_XML)
        self._names = {name.casefold(): name for name in self._archive.namelist()}
        self._roots: dict[str, Element | None] = {}
        self._relationships: dict[str, dict[str, Relationship]] = {}

    @property
    def main(self) -> str | None:
        """Name of the part that has the document."""
        return next(self.related("", "officeDocument"), None)

    def data(self, name: str) -> bytes:
        """Empty if there is no such part, or it is damaged or too large."""
        stored = self._names.get(name.casefold())
        if stored is None or self._archive.getinfo(stored).file_size > MAX_XML:
            return b""
        return office.member(self._archive, stored)

    def root(self, name: str | None) -> Element | None:
        """The root element of a part; None if there is no such part, or it is damaged."""
        if name is None:
            return None
        if name not in self._roots:
            self._roots[name] = parse(self.data(name))
        return self._roots[name]

    def relationships(self, name: str) -> dict[str, Relationship]:
        """The relationships of a part by ID; those of the file for an empty name."""
        if name not in self._relationships:
            folder, file = posixpath.split(name)
            root = self.root(posixpath.join(folder, "_rels", f"{file}.rels"))
            self._relationships[name] = {each.get("Id", ""): _relationship(each, folder) for each in elements(root)}
        return self._relationships[name]

    def related(self, name: str, kind: str) -> Iterator[str]:
        """Names of the parts that a part refers to with relationships of this kind."""
        for relationship in self.relationships(name).values():
            if relationship.kind == kind and not relationship.external:
                yield relationship.target

    def about(self) -> dict[str, Fact]:
        """Author, title and dates, if the document has them."""
        root = self.root(next(self.related("", "core-properties"), None))
        found = {local(each): each.text for each in elements(root)}
        return {ours: plain(found[theirs], 200) for theirs, ours in _PROPERTIES.items() if found.get(theirs)}


def parse(data: bytes) -> Element | None:
    """The root element; None if it is not XML. Entities are not expanded, and nothing outside is read."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=False)
    try:
        return etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError):
        return None


def _relationship(element: Element, folder: str) -> Relationship:
    target, external = unquote(element.get("Target", "")), element.get("TargetMode") == "External"
    if not external:
        target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
    return Relationship(element.get("Type", "").rpartition("/")[2], target, external)


def local(element: Element) -> str:
    """The name without its namespace; empty for comments and entities."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def elements(parent: Element | None) -> Iterator[Element]:
    """The child elements."""
    return (each for each in (parent if parent is not None else ()) if isinstance(each.tag, str))


def child(parent: Element | None, *path: str) -> Element | None:
    """The first descendant along a path of local names."""
    for name in path:
        parent = next((each for each in elements(parent) if local(each) == name), None)
    return parent


def text_of(parent: Element | None, *path: str) -> str:
    """The text of the first descendant along a path, up to its first child."""
    found = child(parent, *path)
    return (found.text or "") if found is not None else ""


def facts_in(parent: Element | None, names: Mapping[str, str]) -> dict[str, Fact]:
    """The first text of each child with one of these local names, by the name that it has as a fact."""
    found: dict[str, Fact] = {}
    for each in elements(parent):
        if (key := names.get(local(each))) and each.text:
            found.setdefault(key, plain(each.text, 200))
    return found


def attribute(element: Element | None, name: str) -> str | None:
    """An attribute by its local name."""
    if element is None:
        return None
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return None


def value_of(parent: Element | None, *path: str) -> str | None:
    """The attribute `val` of the first descendant along a path."""
    return attribute(child(parent, *path), "val")


def is_on(parent: Element | None, *path: str) -> bool:
    """Whether a property is there and not switched off."""
    found = child(parent, *path)
    return found is not None and (attribute(found, "val") or "true").lower() not in ("false", "0", "off", "none")


def descendants(parent: Element | None, *names: str) -> Iterator[Element]:
    """All descendants with one of these local names, without the older alternative of a shape."""
    if parent is None:
        return
    for each in elements(parent):
        if local(each) == "AlternateContent":
            yield from descendants(alternative(each), *names)
            continue
        if local(each) in names:
            yield each
        yield from descendants(each, *names)


def alternative(element: Element) -> Element | None:
    """The first branch of `AlternateContent`: each has the same content for a different version of Office."""
    choice = child(element, "Choice")
    return choice if choice is not None else child(element, "Fallback")
