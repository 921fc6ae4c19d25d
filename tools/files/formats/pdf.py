"""PDF: text by page, tables, metadata, number of images. Every part except the first has its own time limit."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
import pdfplumber
from pypdf import PageObject, PdfReader

from tools.files.columns import describe_columns, head_rows
from tools.files.pdf.pages import PageTexts
from tools.files.pdf.parts import BROKEN, Parts
from tools.files.pdf.text import PdfText
from tools.files.profile import Fact, Profile, Table, passage, plain
from tools.files.rows import unique_names, with_numbers
from tools.files.sections import DocumentText, Scans, Section, SectionWriter
from tools.files.source import Source

if TYPE_CHECKING:
    from PIL.Image import Image

OUTLINED_PAGES = 30
TABLE_PAGES = 8
MAX_TABLES = 8
MAX_LISTED = 10
MAX_PAGES = 5000
MAX_TEXT = 5_000_000
TEXT_SECONDS, EXTRAS_SECONDS, TABLE_SECONDS = 3.0, 2.0, 4.0
METADATA_SECONDS, IMAGE_SECONDS, OUTLINE_SECONDS = 1.0, 1.0, 1.0
SECTION_SECONDS, SECTION_EXTRAS_SECONDS = 80.0, 20.0
ERRORS = BROKEN
_METADATA = {
    "/Title": "title", "/Author": "author", "/Subject": "subject", "/Creator": "made_with", "/CreationDate": "created",
}  # fmt: skip

_LOAD = "from pypdf import PdfReader; pages = [page.extract_text() for page in PdfReader({name}).pages]"
_LOAD_FORM = (
    "from pypdf import PdfReader; pdf = PdfReader({name}); pages = [page.extract_text() for page in pdf.pages]; "
    'fields = {name: field.get("/V") for name, field in (pdf.get_fields() or {}).items()}'
)


def profile(source: Source) -> Profile:
    texts, parts, tables = PageTexts(source.path, OUTLINED_PAGES), Parts(), list[Table]()
    texts.read(parts, TEXT_SECONDS, EXTRAS_SECONDS)
    metadata: dict[str, Fact] = parts.read(METADATA_SECONDS, lambda: _metadata(texts.reader), {})
    images = parts.read(IMAGE_SECONDS, lambda: sum(map(_image_count, _pages(texts.reader, 500))), None)
    outline: list[str] = parts.read(OUTLINE_SECONDS, lambda: _outline(texts.reader), [])
    parts.read(TABLE_SECONDS, lambda: tables.extend(_tables(source)), None)
    facts: dict[str, Fact] = {"pages": texts.count, **metadata}
    if images is not None:
        facts["images"] = images
    notes = ["Not all of it could be read in time."] if parts.late else []
    if texts.scanned:
        notes.append(f"The text of {_numbered(texts.scanned)} is in pictures, which text recognition reads.")
    if texts.count > TABLE_PAGES:
        notes.append(f"Tables were looked for on the first {TABLE_PAGES} pages.")
    return Profile(
        kind="pdf",
        title="PDF document",
        bytes=source.size,
        load=_LOAD_FORM if texts.has_form else _LOAD,
        facts=facts,
        tables=tables,
        structure=outline or _first_lines(texts.texts),
        preview=passage("\n".join(texts.texts)),
        notes=notes,
        scanned=texts.scanned,
    )


def sections(source: Source) -> list[Section]:
    """One per page with its form fields and annotations. Pages after the time limit are skipped."""
    return document(source).sections


def document(source: Source) -> DocumentText:
    """The sections, and the pages whose text is in a picture."""
    writer = SectionWriter(MAX_TEXT)
    pages = PageTexts(source.path, MAX_PAGES)
    pages.read(Parts(), SECTION_SECONDS, SECTION_EXTRAS_SECONDS)
    for number, text in enumerate(pages.texts, start=1):
        writer.add(text, page=number)
    return DocumentText(writer.sections, Scans(pages.count, pages.scanned))


def picture(source: Source, number: int, side: int) -> "Image":
    """A page for text recognition, with `side` pixels on its longer side. Raises `FileUnreadable`."""
    return PdfText(source.path).page(number).picture(side)


def _pages(reader: PdfReader, most: int) -> Iterator[PageObject]:
    for at in range(min(len(reader.pages), most)):
        try:
            yield reader.pages[at]
        except BROKEN:
            continue


def _numbered(pages: list[int]) -> str:
    more = len(pages) - MAX_LISTED
    listed = ", ".join(map(str, pages[:MAX_LISTED])) + (f" and {more} more" if more > 0 else "")
    return f"page{'s' * (len(pages) > 1)} {listed}"


def _first_lines(texts: list[str]) -> list[str]:
    lines = [next((line for line in text.splitlines() if line.strip()), "") for text in texts]
    return [f"page {number}: {plain(line, 80)}" for number, line in enumerate(lines, start=1) if line]


def _image_count(page: PageObject) -> int:
    """Number of images that the page refers to; none is decoded."""
    try:
        resources: Any = page.get("/Resources")
        objects: Any = resources.get_object().get("/XObject") if resources is not None else None
        parts = list(objects.get_object().values())[:1000] if objects is not None else []
        return sum(part.get_object().get("/Subtype") == "/Image" for part in parts)
    except BROKEN:
        return 0


def _metadata(reader: PdfReader) -> dict[str, Fact]:
    known: Any = reader.metadata or {}
    return {name: plain(known[key], 200) for key, name in _METADATA.items() if known.get(key)}


def _outline(reader: PdfReader) -> list[str]:
    lines: list[str] = []

    def visit(items: Any, depth: int) -> None:
        for item in items:
            if len(lines) >= 40:
                return
            if isinstance(item, list):
                if depth < 3:
                    visit(item, depth + 1)
            else:
                lines.append("  " * depth + plain(item.title, 100))

    visit(reader.outline, 0)
    return lines


def _tables(source: Source) -> Iterator[Table]:
    """Tables with ruled lines on the first pages. A generator, so that results from before the time limit are kept."""
    found = 0
    with pdfplumber.open(source.path, pages=list(range(1, TABLE_PAGES + 1))) as document:
        for page in document.pages:
            for at, rows in enumerate(page.extract_tables()):
                if len(rows) < 2 or len(rows[0]) < 2:
                    continue
                yield _table(rows, page.page_number, at)
                found += 1
                if found >= MAX_TABLES:
                    return
            page.close()


def _table(rows: list[list[str | None]], page: int, at: int) -> Table:
    cells = [[plain(cell or "", 200) for cell in row] for row in rows[:1000]]
    frame = with_numbers(pd.DataFrame(cells[1:], columns=unique_names(cells[0])))
    loading = f"import pdfplumber; pdf = pdfplumber.open({{name}}); rows = pdf.pages[{page - 1}].extract_tables()[{at}]"
    return Table(
        name=f"table on page {page}",
        columns=describe_columns(frame),
        column_count=frame.shape[1],
        rows=len(rows) - 1,
        head=head_rows(frame),
        load=f"{loading}; df = pd.DataFrame(rows[1:], columns=rows[0])",
    )
