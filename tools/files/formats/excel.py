"""Excel workbooks: every sheet with its detected header, read row by row."""

import contextlib
import re
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import openpyxl
import pandas as pd
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

from tools.files.columns import describe_columns, head_rows
from tools.files.formats import office
from tools.files.formats.sheet_header import Header, Row, find_header
from tools.files.profile import DAMAGE, FileUnreadable, Profile, Table, plain
from tools.files.rows import MAX_TEXT, ends_with_total, rows_as_text
from tools.files.sections import Section
from tools.files.source import Source

ERRORS = (InvalidFileException,)
MAX_XML = 512 << 20
MAX_SHEETS = 30
READ_SECONDS = 8.0
MAX_CELLS = 1_000_000
"""Limits of time and cells for a workbook, shared by its sheets."""
MAX_ROWS = 50_000
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
_MAX_MERGED = 5000
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Sheet:
    """A worksheet, as far as it was read."""

    name: str
    hidden: bool
    rows: list[Row]
    rows_claimed: int
    """Number of rows according to the sheet; 0 if not given."""
    complete: bool
    merged: list[tuple[int, int, int, int]]
    """`(first column, first row, last column, last row)`, counted from 1."""


def profile(source: Source) -> Profile:
    with _opened(source) as workbook:
        sheets = list(_sheets(source, workbook))
        names = [plain(name) for name in workbook.sheetnames]
        facts = office.about(workbook.properties)
    several = len(sheets) > 1
    notes = []
    if len(names) > len(sheets):
        notes.append(f"Only {len(sheets)} of its {len(names)} sheets were looked at.")
    return Profile(
        kind="xlsx",
        title=f"Excel workbook, {len(names)} sheet{'s' if len(names) != 1 else ''}",
        bytes=source.size,
        load="sheets = pd.read_excel({name}, sheet_name=None)  # a dict of data frames" if several else None,
        facts={"sheets": list(names[:MAX_SHEETS]), **facts},
        tables=[_table(sheet) for sheet in sheets],
        notes=notes,
    )


def sections(source: Source) -> list[Section]:
    """Fifty rows per section; the heading is the sheet."""
    found: list[Section] = []
    position, room = 0, MAX_TEXT
    with _opened(source) as workbook:
        for sheet in _sheets(source, workbook):
            for part in rows_as_text(_frame(sheet, find_header(sheet.rows, sheet.merged)), plain(sheet.name), room):
                found.append(Section(part.text, None, part.heading, position))
                position += len(part.text) + 2
                room -= len(part.text)
    return found


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[Any]:
    office.check(source, MAX_XML)
    with source.path.open("rb") as file:  # a path would have to end in .xlsx
        try:
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except (*DAMAGE, *ERRORS) as error:
            raise FileUnreadable("It is a damaged Excel workbook.") from error
        with contextlib.closing(workbook):
            yield workbook


def _sheets(source: Source, workbook: Any) -> Iterator[Sheet]:
    sheets = workbook.worksheets[:MAX_SHEETS]
    room, end = MAX_CELLS, time.monotonic() + READ_SECONDS
    for at, sheet in enumerate(sheets):
        left = len(sheets) - at
        claimed = sheet.max_row or 0
        sheet.reset_dimensions()
        until = time.monotonic() + max(0.1, (end - time.monotonic()) / left)
        rows, complete = _rows(sheet, max(room // left, 2000), until)
        room -= sum(map(len, rows))
        yield Sheet(
            name=sheet.title,
            hidden=sheet.sheet_state != "visible",
            rows=rows,
            rows_claimed=claimed,
            complete=complete,
            merged=_merged(source, sheet),
        )


def _rows(sheet: Any, room: int, until: float) -> tuple[list[Row], bool]:
    """`(rows without the empty end, whether these are all)`."""
    rows: list[Row] = []
    reader = sheet.iter_rows(values_only=True)
    for row in islice(reader, MAX_ROWS):
        rows.append(row)
        room -= len(row) + 1
        if room < 0 or (len(rows) % 100 == 0 and time.monotonic() > until):
            complete = False
            break
    else:
        complete = len(rows) < MAX_ROWS
    while rows and all(cell is None for cell in rows[-1]):
        rows.pop()
    return rows, complete


def _merged(source: Source, sheet: Any) -> list[tuple[int, int, int, int]]:
    """Merged ranges, which openpyxl's row-by-row reader omits."""
    found: list[tuple[int, int, int, int]] = []
    kept = b""
    with zipfile.ZipFile(source.path) as archive, archive.open(sheet._worksheet_path.lstrip("/")) as part:
        while (chunk := part.read(_CHUNK)) and len(found) < _MAX_MERGED:
            text = kept + chunk
            end = 0
            for match in _MERGED.finditer(text):
                with contextlib.suppress(ValueError, TypeError):
                    found.append(range_boundaries(match.group(1).decode("ascii")))
                end = match.end()
            kept = text[max(end, len(text) - 200) :]
    return found


def _frame(sheet: Sheet, header: Header) -> pd.DataFrame:
    data = sheet.rows[header.data_from :]
    width = max(len(header.names), 1)
    rows = [(row + (None,) * (width - len(row)))[header.first_column : width] for row in data]
    # A column of type `object` keeps each cell as in Excel; pandas then infers the common type.
    frame = pd.DataFrame(rows, columns=pd.Index(header.names[header.first_column :], dtype=object), dtype=object)
    return frame.infer_objects()


def _table(sheet: Sheet) -> Table:
    header = find_header(sheet.rows, sheet.merged)
    frame = _frame(sheet, header)
    rows = len(frame) if sheet.complete else max(len(frame), sheet.rows_claimed - header.data_from)
    notes = ["This sheet is hidden."] if sheet.hidden else []
    if sheet.complete and ends_with_total(frame):
        notes.append("The last row looks like a total; leave it out of sums.")
    if not sheet.complete:
        notes.append(f"Large: only the first {len(frame):,} rows were read.")
    return Table(
        name=plain(sheet.name),
        columns=describe_columns(frame),
        column_count=frame.shape[1],
        rows=rows,
        rows_exact=sheet.complete,
        sampled_rows=None if sheet.complete else len(frame),
        head=head_rows(frame),
        load=_load(sheet.name, header) if len(sheet.rows) else None,
        notes=notes + header.notes,
    )


def _load(name: str, header: Header) -> str:
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    options = [f"sheet_name={quoted}"]
    if header.lines != (0,):
        lines: Sequence[int] = header.lines
        options.append("header=" + ("None" if not lines else str(lines[0]) if len(lines) == 1 else str(list(lines))))
    if header.first_column:
        first, last = get_column_letter(header.first_column + 1), get_column_letter(len(header.names))
        options.append(f'usecols="{first}:{last}"')
    return f"df = pd.read_excel({{name}}, {', '.join(options)})"
