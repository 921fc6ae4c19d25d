"""Word documents: headings, paragraphs, tables, headers and footers, notes and comments."""

import pandas as pd

from tools.files.columns import describe_columns, head_rows
from tools.files.ooxml.package import Element, Package, descendants
from tools.files.ooxml.word_document import WordDocument
from tools.files.profile import Profile, Table, passage, plain
from tools.files.rows import unique_names, with_numbers
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source

MAX_TEXT = 5_000_000
MAX_TABLES = 8
MAX_ROWS = 500
MAX_OUTLINE = 40
MARGINS = "Headers and footers"
_LOAD = (
    'import docx; text = "\\n".join("".join(p.xpath(".//w:t[not(ancestor::w:moveFrom)]/text()")) '
    'for p in docx.Document({name}).element.body.xpath(".//w:p"))'
)
_LOAD_XML = (
    "import zipfile; from lxml import etree; "
    'xml = etree.fromstring(zipfile.ZipFile({name}).read("word/document.xml")); '
    'text = "\\n".join("".join(t.text or "" for t in p.iter("{*}t")) for p in xml.iter("{*}p"))'
)


def profile(source: Source) -> Profile:
    package = Package(source.path)
    document = WordDocument(package)
    blocks = list(document.blocks())
    margins = document.margins()
    found = document.tables()
    plain_kind = source.suffix in ("", ".docx")
    return Profile(
        kind="docx",
        title="Word document",
        bytes=source.size,
        load=_LOAD if plain_kind else _LOAD_XML,
        facts={
            "paragraphs": len(blocks),
            "words": sum(len(block.text.split()) for block in blocks),
            "tables": len(found),
            "images": document.images,
            **package.about(),
        },
        tables=[_table(document, table, at, loads=plain_kind) for at, table in enumerate(found[:MAX_TABLES])],
        structure=[f"{'  ' * (b.level - 1)}{plain(b.text, 100)}" for b in blocks if b.level][:MAX_OUTLINE],
        preview=passage("\n".join([*(block.text for block in blocks), *margins])),
        notes=list(filter(None, [document.revisions.remark])),
    )


def sections(source: Source) -> list[Section]:
    """One per heading, with the tables under it; then headers and footers."""
    document = WordDocument(Package(source.path))
    writer = SectionWriter(MAX_TEXT)
    heading: str | None = None
    gathered: list[str] = []
    for block in document.blocks():
        if block.level:
            writer.add("\n".join(gathered), heading=heading)
            heading, gathered = plain(block.text, 200), []
        gathered.append(block.text)
    writer.add("\n".join(gathered), heading=heading)
    writer.add("\n".join(document.margins()), heading=MARGINS)
    writer.add(document.revisions.remark)
    return writer.sections


def _table(document: WordDocument, table: Element, at: int, *, loads: bool) -> Table:
    cells = document.cells(table, MAX_ROWS)
    width = max(map(len, cells), default=0)
    padded = [[plain(cell, 200) for cell in row] + [""] * (width - len(row)) for row in cells] or [[]]
    frame = with_numbers(pd.DataFrame(padded[1:], columns=unique_names(padded[0])))
    return Table(
        name=f"table {at + 1}",
        columns=describe_columns(frame),
        column_count=width,
        rows=len(padded) - 1,
        rows_exact=len(padded) < MAX_ROWS,
        head=head_rows(frame),
        load=_table_load(table, at) if loads else None,
    )


def _table_load(table: Element, at: int) -> str:
    """python-docx leaves out content controls and tracked insertions, so cells with those are read as XML."""
    special = next(descendants(table, "sdt", "ins", "moveTo"), None) is not None
    cell = '"".join(c._tc.xpath(".//w:t/text()"))' if special else "c.text"
    return f"import docx; rows = [[{cell} for c in r.cells] for r in docx.Document({{name}}).tables[{at}].rows]"
