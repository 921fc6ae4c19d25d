"""Reads the cells of a workbook: with calamine, or as a sample with openpyxl if it is too large for that."""

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import openpyxl
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from tools.files.formats import office
from tools.files.formats.sheets.grid import Grid, Marks, Row
from tools.files.formats.sheets.package import Package
from tools.files.profile import FileUnreadable
from tools.files.source import Source

MAX_SHEETS = 30
MAX_CELLS = 3_000_000
"""Cells that are read of a workbook, empty ones included."""
MAX_SAMPLED = 50_000
"""Rows that are read of a sheet that is too large to be read completely."""
SAMPLE_SECONDS = 6.0
_MAX_XML = 200 << 20
"""Bytes of XML of a sheet that is read completely."""


@dataclass(frozen=True, slots=True)
class Book:
    """An open workbook."""

    names: list[str]
    """Of the sheets that have cells."""
    charts: int
    """Number of sheets without cells."""
    calamine: CalamineWorkbook
    hidden: frozenset[str] = frozenset()
    marks: Callable[[str], Marks | None] = field(default=lambda _: None)
    """By the sheet's name; None if nothing is known."""


def open_book(source: Source, data: bytes | None = None, marks: dict[str, Marks] | None = None) -> Book:
    """`data`: the workbook with the results of its formulas. Raises `FileUnreadable`."""
    try:
        book = CalamineWorkbook.from_object(io.BytesIO(data) if data is not None else str(source.path))
    except PasswordError:
        raise FileUnreadable(office.LOCKED) from None
    except CalamineError as error:
        raise FileUnreadable("It is a damaged workbook.") from error
    sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    return Book(
        names=[sheet.name for sheet in sheets],
        charts=len(book.sheets_metadata) - len(sheets),
        calamine=book,
        hidden=frozenset(sheet.name for sheet in sheets if sheet.visible != SheetVisibleEnum.Visible),
        marks=(marks or {}).get,
    )


def grids(source: Source, book: Book, package: Package | None) -> Iterator[Grid]:
    """The sheets, within limits that they share. `package`: of an `.xlsx` file."""
    names = book.names[:MAX_SHEETS]
    room, end = MAX_CELLS, time.monotonic() + SAMPLE_SECONDS
    for at, name in enumerate(names):
        left = len(names) - at
        if package is not None and _is_large(package, name, max(room // left, MAX_CELLS // 10)):
            until = time.monotonic() + max(0.1, (end - time.monotonic()) / left)
            grid = _sampled(source, book, name, max(room // left, 20_000), until)
        else:
            grid = _read(book, name, max(room, MAX_CELLS // 10))
        room -= len(grid.rows) * max(grid.width, 1)
        yield grid


def _is_large(package: Package, name: str, room: int) -> bool:
    xml = package.sheets.get(name)
    if xml is None:  # it was too large to be searched
        return name in package.sizes
    return package.sizes[name] > _MAX_XML or xml.rows * xml.columns > room


def _read(book: Book, name: str, room: int) -> Grid:
    sheet = book.calamine.get_sheet_by_name(name)
    last_row, last_column = sheet.end or (-1, -1)
    rows: list[Row] = sheet.to_python(skip_empty_area=False, nrows=max(1, room // (last_column + 2)))
    marks = book.marks(name)
    if marks is None:
        marks = Marks(merged=[(*first, *last) for first, last in sheet.merged_cell_ranges or []])
    return Grid(name, rows, name in book.hidden, marks, complete=len(rows) > last_row, rows_claimed=last_row + 1)


def _sampled(source: Source, book: Book, name: str, room: int, until: float) -> Grid:
    with source.path.open("rb") as file:  # a path would have to end in .xlsx
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = workbook[name]
        claimed = sheet.max_row or 0
        sheet.reset_dimensions()
        rows, width = [], 0
        for row in islice(sheet.iter_rows(values_only=True), MAX_SAMPLED):
            rows.append(["" if cell is None else cell for cell in row])
            width = max(width, len(row))
            room -= len(row) + 1
            if room < 0 or (len(rows) % 100 == 0 and time.monotonic() > until):
                break
        workbook.close()
    _square(rows, width)
    marks = book.marks(name) or Marks()
    return Grid(name, rows, name in book.hidden, marks, complete=False, rows_claimed=claimed)


def _square(rows: list[list[Any]], width: int) -> None:
    for row in rows:
        row.extend([""] * (width - len(row)))


def trimmed(grid: Grid) -> Grid:
    """Without empty rows at the end."""
    last = len(grid.rows)
    while last and not any(cell not in ("", None) for cell in grid.rows[last - 1]):
        last -= 1
    return grid if last == len(grid.rows) else replace(grid, rows=grid.rows[:last])
