"""OpenDocument text and presentations: headings, paragraphs, tables, notes, comments, headers and footers."""

import zipfile

from lxml import etree

from tools.files.formats import office
from tools.files.ooxml.package import MAX_XML, Element, parse
from tools.files.open_document import Content, Reader, about
from tools.files.profile import FileUnreadable, Profile, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source

ERRORS = (etree.LxmlError,)
MAX_TEXT = 5_000_000
MAX_OUTLINE = 40
MARGINS = "Headers and footers"
_LOAD = (
    'import zipfile; from lxml import etree; xml = etree.fromstring(zipfile.ZipFile({name}).read("content.xml")); '
    'text = "\\n".join("".join(p.itertext()) for p in xml.iter("{*}h", "{*}p"))'
)


def profile(source: Source) -> Profile:
    content, meta = _read(source)
    slides = [unit for unit in content.units if unit.page is not None]
    title = "OpenDocument presentation" if slides else "OpenDocument text"
    facts = {"slides": len(slides)} if slides else {"paragraphs": sum(unit.paragraphs for unit in content.units)}
    words = sum(len(unit.text.split()) for unit in content.units)
    return Profile(
        kind="odp" if slides else "odt",
        title=title,
        bytes=source.size,
        load=_LOAD,
        facts={**facts, "words": words, "tables": content.tables, "images": content.pictures, **about(meta)},
        structure=[
            f"slide {unit.page}: {plain(unit.heading or '(no title)', 100)}" if unit.page
            else "  " * (unit.level - 1) + plain(unit.heading, 100)
            for unit in content.units if unit.heading or unit.page
        ][:MAX_OUTLINE],
        preview=passage("\n".join([*(unit.text for unit in content.units), *content.margins])),
        notes=list(filter(None, [content.revisions.remark])),
    )  # fmt: skip


def sections(source: Source) -> list[Section]:
    """One per heading or slide; then headers and footers."""
    content, _ = _read(source)
    writer = SectionWriter(MAX_TEXT)
    for unit in content.units:
        writer.add(unit.text, page=unit.page, heading=plain(unit.heading, 200) or None)
    writer.add("\n".join(content.margins), heading=MARGINS)
    writer.add(content.revisions.remark)
    return writer.sections


def _read(source: Source) -> tuple[Content, Element | None]:
    """The text, and the part with the properties."""
    office.check(source, MAX_XML)
    try:
        with zipfile.ZipFile(source.path) as archive:
            if b"encryption-data" in office.member(archive, "META-INF/manifest.xml"):
                raise FileUnreadable("It is locked with a password.")
            root = parse(office.member(archive, "content.xml"))
            if root is None:
                raise FileUnreadable("It is a damaged OpenDocument file.")
            reader = Reader(lambda name: parse(office.member(archive, name)))
            content = reader.read(root, parse(office.member(archive, "styles.xml")))
            return content, parse(office.member(archive, "meta.xml"))
    except (zipfile.BadZipFile, OSError) as error:
        raise FileUnreadable("It is a damaged OpenDocument file.") from error
