"""Reads the cells of a workbook: with calamine, or as a sample with openpyxl if it is too large for that."""

import contextlib
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import IO, Any

import openpyxl
from openpyxl.cell.cell import ERROR_CODES
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from tools.files.formats.sheets.grid import Grid, Marks, Row
from tools.files.formats.sheets.package import Package
from tools.files.profile import FileUnreadable
from tools.files.source import Source

MAX_SHEETS = 30
MAX_CELLS = 3_000_000
"""Cells that are read of a workbook, empty ones included."""
MAX_SAMPLED = 25_000
"""Rows that are read of a sheet that is too large to be read completely."""
SAMPLE_SECONDS = 3.5
_FEW = 300_000
"""Cells of a sheet that can be read with openpyxl."""
_GAP = 200
"""Empty rows or columns after which nothing belongs to a table."""
_MAX_XML = 150 << 20
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
        book = _calamine(source, data)
    except PasswordError:
        raise FileUnreadable("It is locked with a password. Save it without the password.") from None
    except CalamineError as error:
        raise FileUnreadable("It is a damaged workbook.") from error
    if not book.sheets_metadata:
        raise FileUnreadable("It is a damaged workbook.")
    sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    return Book(
        names=[sheet.name for sheet in sheets],
        charts=len(book.sheets_metadata) - len(sheets),
        calamine=book,
        hidden=frozenset(sheet.name for sheet in sheets if sheet.visible != SheetVisibleEnum.Visible),
        marks=(marks or {}).get,
    )


def _file(source: Source, data: bytes | None) -> IO[bytes]:
    """No path, because the libraries trust its suffix."""
    return io.BytesIO(data) if data is not None else source.path.open("rb")


def _calamine(source: Source, data: bytes | None) -> CalamineWorkbook:
    with _file(source, data) as file:
        return CalamineWorkbook.from_filelike(file)


def grids(source: Source, book: Book, package: Package | None, data: bytes | None = None) -> Iterator[Grid]:
    """The sheets, within limits that they share. `package`: of an `.xlsx` file; `data` as for `open_book`."""
    names = book.names[:MAX_SHEETS]
    room, end = MAX_CELLS, time.monotonic() + SAMPLE_SECONDS
    with _Streamed(source, data) as streamed:
        for at, name in enumerate(names):
            left = len(names) - at
            if package is not None and _is_large(package, name, max(room // left, MAX_CELLS // 10)):
                until = time.monotonic() + max(0.1, (end - time.monotonic()) / left)
                xml = package.sheets.get(name)
                sparse = xml is not None and xml.cells < _FEW
                grid = _sample(streamed.book[name], book, max(room // left, 20_000), until, sparse=sparse)
            else:
                grid = _read(book, name, max(room, MAX_CELLS // 10))
            room -= len(grid.rows) * max(grid.width, 1)
            yield grid


class _Streamed(contextlib.ExitStack):
    """The workbook in openpyxl, opened when the first sheet needs it: that takes long if it has many texts."""

    def __init__(self, source: Source, data: bytes | None) -> None:
        super().__init__()
        self._source = source
        self._data = data

    @cached_property
    def book(self) -> Any:
        file = self.enter_context(_file(self._source, self._data))
        return self.enter_context(contextlib.closing(_openpyxl(file)))


def _is_large(package: Package, name: str, room: int) -> bool:
    xml = package.sheets.get(name)
    if xml is None:  # it was too large to be searched
        return name in package.sizes
    return package.sizes[name] > _MAX_XML or xml.rows * xml.columns > room


def _openpyxl(file: IO[bytes]) -> Any:
    return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)


def _read(book: Book, name: str, room: int) -> Grid:
    sheet = book.calamine.get_sheet_by_name(name)
    last_row, last_column = sheet.end or (-1, -1)
    rows: list[Row] = sheet.to_python(skip_empty_area=False, nrows=max(1, room // (last_column + 2)))
    marks = book.marks(name)
    if marks is None:
        marks = Marks(merged=[(*first, *last) for first, last in sheet.merged_cell_ranges or []])
    return Grid(name, rows, name in book.hidden, marks, complete=len(rows) > last_row, rows_claimed=last_row + 1)


def _sample(sheet: Any, book: Book, room: int, until: float, *, sparse: bool) -> Grid:
    """The first rows. `sparse`: whether few cells are spread so far that a table of all of them would be too large;
    what is far from the others is left out.
    """
    claimed = sheet.max_row or 0
    sheet.reset_dimensions()
    rows: list[Row] = []
    gap, complete = 0, True
    for row in islice(sheet.iter_rows(values_only=True), MAX_SAMPLED + 1):
        cells = ["" if cell is None or cell in ERROR_CODES else cell for cell in row]
        rows.append(cells)
        room -= 1 if sparse else len(cells) + 1
        gap = 0 if any(cell != "" for cell in cells) else gap + 1
        if sparse and gap > _GAP:
            break
        if room < 0 or len(rows) > MAX_SAMPLED or (len(rows) % 100 == 0 and time.monotonic() > until):
            complete = False
            break
    width = _width(rows)
    for row in rows:
        del row[width:]
        row.extend([""] * (width - len(row)))
    marks = book.marks(sheet.title) or Marks()
    hidden = sheet.title in book.hidden
    return Grid(sheet.title, rows, hidden, marks, complete=complete, rows_claimed=claimed, is_cropped=sparse)


def _width(rows: list[Row]) -> int:
    """Up to a wide gap of empty columns, and no more than can be handled."""
    used = sorted({at for row in rows for at, cell in enumerate(row) if cell != ""})
    width = used[0] + 1 if used else 1
    for at in used:
        if at - width > _GAP:
            break
        width = at + 1
    return min(width, max(1, MAX_CELLS // max(1, len(rows))))


def trimmed(grid: Grid) -> Grid:
    """Without empty rows at the end."""
    last = len(grid.rows)
    while last and not any(cell not in ("", None) for cell in grid.rows[last - 1]):
        last -= 1
    return grid if last == len(grid.rows) else replace(grid, rows=grid.rows[:last])
