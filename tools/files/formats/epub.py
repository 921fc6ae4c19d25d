"""E-books (EPUB): the chapters in reading order."""

import io
import posixpath
import zipfile
from collections.abc import Iterator
from urllib.parse import unquote

from lxml import etree

from tools.files.formats import office
from tools.files.formats.html import passages_of
from tools.files.ooxml.package import Element, attribute, child, descendants, facts_in, parse
from tools.files.profile import Fact, FileUnreadable, Profile, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source

ERRORS = (etree.LxmlError,)
MAX_XML = 64 << 20
MAX_CHAPTER = 8 << 20
MAX_CHAPTERS = 2000
MAX_TEXT = 5_000_000
MAX_OUTLINE = 40
_ABOUT = {"title": "title", "creator": "author", "language": "language", "date": "created", "publisher": "publisher"}
_PAGES = ("application/xhtml+xml", "text/html")


def profile(source: Source) -> Profile:
    with _opened(source) as book:
        package, folder = _package(book)
        chapters = _chapters(package, folder)
        passages = list(_passages(book, chapters, MAX_TEXT))
    headings = [heading for heading, _ in passages if heading]
    return Profile(
        kind="epub",
        title="e-book (EPUB)",
        bytes=source.size,
        load="import zipfile; book = zipfile.ZipFile({name})",
        facts={"chapters": len(chapters), "words": sum(len(text.split()) for _, text in passages), **_about(package)},
        structure=[plain(heading, 100) for heading in headings[:MAX_OUTLINE]],
        preview=passage("\n".join(text for _, text in passages)),
    )


def sections(source: Source) -> list[Section]:
    """One per heading."""
    writer = SectionWriter(MAX_TEXT)
    with _opened(source) as book:
        for heading, text in _passages(book, _chapters(*_package(book)), MAX_TEXT):
            writer.add(text, heading=heading)
    return writer.sections


def _opened(source: Source) -> zipfile.ZipFile:
    office.check(source, MAX_XML)
    return zipfile.ZipFile(io.BytesIO(source.path.read_bytes()) if source.size < MAX_CHAPTER else source.path)


def _package(book: zipfile.ZipFile) -> tuple[Element, str]:
    """The root of the book's index, and the folder that its addresses start from."""
    container = parse(office.member(book, "META-INF/container.xml", MAX_CHAPTER))
    path = attribute(next(descendants(container, "rootfile"), None), "full-path") or ""
    package = parse(office.member(book, path, MAX_CHAPTER))
    if package is None:
        raise FileUnreadable("It is a damaged e-book.")
    return package, posixpath.dirname(path)


def _chapters(package: Element, folder: str) -> list[str]:
    """Names of the pages, in reading order."""
    items = {
        each.get("id"): unquote(each.get("href", ""))
        for each in descendants(child(package, "manifest"), "item")
        if each.get("media-type") in _PAGES
    }
    order = [each.get("idref") for each in descendants(child(package, "spine"), "itemref")]
    names = [posixpath.normpath(posixpath.join(folder, items[each])) for each in order if each in items]
    return list(dict.fromkeys(names))[:MAX_CHAPTERS]


def _passages(book: zipfile.ZipFile, chapters: list[str], limit: int) -> Iterator[tuple[str | None, str]]:
    room = MAX_XML
    for name in chapters:
        page = office.member(book, name, min(MAX_CHAPTER, room))
        room -= len(page)
        for heading, text in passages_of(page.decode("utf-8", errors="replace")):
            yield heading, text
            limit -= len(text)
            if limit <= 0:
                return
        if room <= 0:
            return


def _about(package: Element) -> dict[str, Fact]:
    return facts_in(child(package, "metadata"), _ABOUT)
