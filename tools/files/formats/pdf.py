"""PDF: text by page, tables, metadata, number of images. Every part except the first has its own time limit."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pandas as pd
import pdfplumber
from pdfminer.psexceptions import PSException
from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException
from pypdf import PageObject, PdfReader
from pypdf.errors import PyPdfError

from tools.files.columns import describe_columns, head_rows
from tools.files.deadline import OutOfTime, at_most
from tools.files.profile import DAMAGE, Fact, FileUnreadable, Profile, Table, passage, plain
from tools.files.rows import unique_names, with_numbers
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source

T = TypeVar("T")
OUTLINED_PAGES = 30
TABLE_PAGES = 8
MAX_TABLES = 8
MAX_PAGES = 5000
MAX_TEXT = 5_000_000
OPEN_SECONDS, TEXT_SECONDS, TABLE_SECONDS = 3.0, 3.0, 4.0
METADATA_SECONDS, IMAGE_SECONDS, OUTLINE_SECONDS = 1.0, 1.0, 1.0
SECTION_SECONDS = 90.0
ERRORS = (PyPdfError, PSException, PdfminerException, MalformedPDFException)
_BROKEN = (*DAMAGE, *ERRORS)
_METADATA = {
    "/Title": "title", "/Author": "author", "/Subject": "subject", "/Creator": "made_with", "/CreationDate": "created",
}  # fmt: skip


def profile(source: Source) -> Profile:
    reader, pages = _opened(source)
    parts, texts, tables = _Parts(), list[str](), list[Table]()
    parts.read(TEXT_SECONDS, lambda: texts.extend(_first_texts(reader, pages)), None)
    metadata: dict[str, Fact] = parts.read(METADATA_SECONDS, lambda: _metadata(reader), {})
    images = parts.read(IMAGE_SECONDS, lambda: sum(map(_image_count, _pages(reader, min(pages, 500)))), None)
    outline: list[str] = parts.read(OUTLINE_SECONDS, lambda: _outline(reader), [])
    parts.read(TABLE_SECONDS, lambda: tables.extend(_tables(source)), None)
    facts: dict[str, Fact] = {"pages": pages, **metadata}
    if images is not None:
        facts["images"] = images
    notes = ["Not all of it could be read in time."] if parts.late else []
    if not parts.late and not any(text.strip() for text in texts):
        notes.append("No text was found on the first pages: they may be scanned pictures.")
    if pages > TABLE_PAGES:
        notes.append(f"Tables were looked for on the first {TABLE_PAGES} pages.")
    return Profile(
        kind="pdf",
        title="PDF document",
        bytes=source.size,
        load="from pypdf import PdfReader; pages = [page.extract_text() for page in PdfReader({name}).pages]",
        facts=facts,
        tables=tables,
        structure=outline or _first_lines(texts),
        preview=passage("\n".join(texts)),
        notes=notes,
    )


def sections(source: Source) -> list[Section]:
    """One per page. Pages after the time limit, or that cannot be read, are skipped."""
    reader, pages = _opened(source)
    writer = SectionWriter(MAX_TEXT)

    def read() -> None:
        for number, page in enumerate(_pages(reader, pages), start=1):
            if writer.full:
                return
            writer.add(_text(page), page=number)

    _Parts().read(SECTION_SECONDS, read, None)
    return writer.sections


class _Parts:
    """Reads optional parts. After the first part that takes too long, no further part is tried."""

    def __init__(self) -> None:
        self.late = False

    def read(self, seconds: float, part: Callable[[], T], otherwise: T) -> T:
        """The part's result; `otherwise` if it takes too long or is broken."""
        if self.late:
            return otherwise
        try:
            with at_most(seconds):
                return part()
        except OutOfTime:
            self.late = True
        except _BROKEN:
            pass
        return otherwise


def _opened(source: Source) -> tuple[PdfReader, int]:
    """The reader and the number of pages."""
    try:
        with at_most(OPEN_SECONDS):
            reader = PdfReader(source.path, strict=False)
            if reader.is_encrypted and not reader.decrypt(""):
                raise FileUnreadable("It is locked with a password.")
            return reader, min(len(reader.pages), MAX_PAGES)
    except (*_BROKEN, OutOfTime) as error:
        raise FileUnreadable("It is a damaged PDF, or one made to confuse its readers.") from error


def _pages(reader: PdfReader, count: int) -> Iterator[PageObject]:
    for at in range(count):
        try:
            yield reader.pages[at]
        except _BROKEN:
            continue


def _text(page: PageObject) -> str:
    try:
        return page.extract_text()
    except _BROKEN:
        return ""


def _first_texts(reader: PdfReader, pages: int) -> Iterator[str]:
    return (_text(page) for page in _pages(reader, min(pages, OUTLINED_PAGES)))


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
    except _BROKEN:
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
