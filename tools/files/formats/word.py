"""Word documents: headings, paragraphs, tables."""

from collections.abc import Iterator

import docx
import pandas as pd
from docx.document import Document
from docx.opc.exceptions import OpcError
from docx.table import Table as WordTable
from docx.text.paragraph import Paragraph
from lxml import etree

from tools.files.columns import describe_columns, head_rows
from tools.files.formats import office
from tools.files.profile import DAMAGE, FileUnreadable, Profile, Table, passage, plain
from tools.files.rows import unique_names, with_numbers
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source

ERRORS = (OpcError, etree.LxmlError)
MAX_XML = 64 << 20
MAX_TEXT = 5_000_000
MAX_BLOCKS = 50_000
MAX_TABLES = 8
MAX_ROWS = 500
MAX_OUTLINE = 40


def profile(source: Source) -> Profile:
    document = _opened(source)
    blocks = list(_blocks(document))
    texts = [text for _, text in blocks]
    found = document.tables
    headings = [f"{'  ' * (level - 1)}{plain(text, 100)}" for level, text in blocks if level]
    return Profile(
        kind="docx",
        title="Word document",
        bytes=source.size,
        load="import docx; text = '\\n'.join(p.text for p in docx.Document({name}).paragraphs)",
        facts={
            "paragraphs": len(blocks),
            "words": sum(len(text.split()) for text in texts),
            "tables": len(found),
            "images": len(document.inline_shapes),
            **office.about(document.core_properties),
        },
        tables=[_table(table, at) for at, table in enumerate(found[:MAX_TABLES])],
        structure=headings[:MAX_OUTLINE],
        preview=passage("\n".join(texts)),
    )


def sections(source: Source) -> list[Section]:
    """One per heading, with the tables under it."""
    writer = SectionWriter(MAX_TEXT)
    heading: str | None = None
    gathered: list[str] = []
    for level, text in _blocks(_opened(source)):
        if level:
            writer.add("\n".join(gathered), heading=heading)
            heading, gathered = plain(text, 200), []
        gathered.append(text)
    writer.add("\n".join(gathered), heading=heading)
    return writer.sections


def _opened(source: Source) -> Document:
    office.check(source, MAX_XML)
    try:
        return docx.Document(str(source.path))
    except (*DAMAGE, *ERRORS) as error:
        raise FileUnreadable("It is a damaged Word document.") from error


def _blocks(document: Document) -> Iterator[tuple[int, str]]:
    """`(heading level or 0, text)`; a table is one block, with cells separated by bars."""
    for at, block in enumerate(document.iter_inner_content()):
        if at >= MAX_BLOCKS:
            return
        if isinstance(block, Paragraph):
            if block.text.strip():
                yield _level(block), block.text
        else:
            yield 0, "\n".join(" | ".join(row) for row in _cells(block))


def _level(paragraph: Paragraph) -> int:
    name = (paragraph.style.name or "") if paragraph.style is not None else ""
    if name == "Title":
        return 1
    number = name.removeprefix("Heading ")
    return int(number) if number != name and number.isdecimal() and len(number) == 1 else 0


def _cells(table: WordTable) -> list[list[str]]:
    """Merged cells repeat, as in python-docx."""
    return [[plain(cell.text, 200) for cell in row.cells[:50]] for row in list(table.rows)[:MAX_ROWS]]


def _table(table: WordTable, at: int) -> Table:
    cells = _cells(table)
    width = max(map(len, cells), default=0)
    padded = [row + [""] * (width - len(row)) for row in cells] or [[]]
    frame = with_numbers(pd.DataFrame(padded[1:], columns=unique_names(padded[0])))
    return Table(
        name=f"table {at + 1}",
        columns=describe_columns(frame),
        column_count=width,
        rows=len(padded) - 1,
        rows_exact=len(padded) < MAX_ROWS,
        head=head_rows(frame),
        load=f"import docx; rows = [[c.text for c in r.cells] for r in docx.Document({{name}}).tables[{at}].rows]",
    )
