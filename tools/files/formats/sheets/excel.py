"""Workbooks (`.xlsx`, `.xlsm`, `.xlsb`, `.xls`, `.ods`): every table of every sheet."""

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd
from openpyxl.utils.exceptions import InvalidFileException
from python_calamine import CalamineError

from tools.files import containers
from tools.files.formats import office
from tools.files.formats.sheets import calculation, ods
from tools.files.formats.sheets.grid import Grid, Marks
from tools.files.formats.sheets.outline import is_empty
from tools.files.formats.sheets.package import Package, inspect
from tools.files.formats.sheets.parts import Part, as_sections, parts
from tools.files.formats.sheets.table import Origin
from tools.files.formats.sheets.workbook import MAX_SHEETS, Book, grids, open_book, trimmed
from tools.files.profile import Fact, Profile, plain
from tools.files.sections import Section
from tools.files.source import Source

ERRORS = (InvalidFileException, CalamineError)
MAX_XML = 512 << 20
TITLES = {
    "xlsx": "Excel workbook",
    "xlsb": "binary Excel workbook",
    "xls": "Excel workbook of the old kind",
    "ods": "OpenDocument spreadsheet",
}
_RAW = 'sheets = pd.read_excel({name}, sheet_name=None, header=None, engine="calamine")  # by name, each as it is'


@dataclass(frozen=True, slots=True)
class Workbook:
    """An open workbook, calculated if it had to be."""

    kind: str
    book: Book
    package: Package | None = None
    data: bytes | None = None
    """With the results of its formulas."""
    uncalculated: dict[str, Marks] = field(default_factory=dict)
    """Marks by sheet before the calculation."""
    failure: str | None = None

    @property
    def facts(self) -> dict[str, Fact]:
        return self.package.facts if self.package is not None else {}


def profile(source: Source) -> Profile:
    workbook = _opened(source)
    found = list(_parts(source, workbook))
    names = [plain(name) for name in workbook.book.names]
    notes = []
    if len(names) > MAX_SHEETS:
        notes.append(f"Only {MAX_SHEETS} of its {len(names)} sheets were looked at.")
    if workbook.book.charts:
        notes.append(f"{_count(workbook.book.charts, 'sheet')} of charts or macros without cells.")
    empty = [plain(name) for name in workbook.book.names[:MAX_SHEETS] if name not in {part.sheet for part in found}]
    if empty:
        notes.append(f"Empty: {plain(', '.join(empty), 200)}.")
    return Profile(
        kind=workbook.kind,
        title=f"{TITLES[workbook.kind]}, {_count(len(names), 'sheet')}",
        bytes=source.size,
        load=_RAW if len(found) > 1 else found[0].table.load if found else None,
        facts={"sheets": names[:MAX_SHEETS], **workbook.facts},
        tables=[part.table for part in found],
        notes=notes,
    )


def sections(source: Source) -> list[Section]:
    """Fifty rows per section; the heading is the sheet."""
    return as_sections(_parts(source, _opened(source)))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _opened(source: Source) -> Workbook:
    kind = containers.kind_of(source)
    if kind == "xls":
        return Workbook(kind, open_book(source))
    office.check(source, MAX_XML)
    if kind == "xlsb":
        return Workbook(kind, open_book(source))
    if kind == "ods":
        marks = ods.marks(source)
        failure = "Calculate them in a spreadsheet program and save it, or compute them in Python."
        return Workbook(kind, open_book(source, marks=marks), uncalculated=marks, failure=failure)
    with source.path.open("rb") as file:  # a path would have to end in .xlsx
        package = inspect(file)
    return _calculated(source, package)


def _calculated(source: Source, package: Package) -> Workbook:
    marks = package.marks
    plain_workbook = Workbook("xlsx", open_book(source, marks=marks), package)
    if not package.is_uncalculated:
        return plain_workbook
    result = calculation.calculate(source)
    if result.workbook is None:
        failure = f"They could not be calculated here ({result.failure}): compute them in Python."
        return replace(plain_workbook, uncalculated=package.uncalculated, failure=failure)
    after = inspect(io.BytesIO(result.workbook))
    if after.zeros == package.zeros and not any(one.uncalculated for one in marks.values()):
        return plain_workbook  # zero is their result
    return Workbook(
        "xlsx", open_book(source, result.workbook, after.marks), after, result.workbook, package.uncalculated
    )


def _parts(source: Source, workbook: Workbook) -> Iterator[Part]:
    with _Files(source) as files:
        for grid in map(trimmed, grids(source, workbook.book, workbook.package, workbook.data)):
            if not is_empty(grid):
                formulas = workbook.uncalculated.get(grid.name, Marks()).uncalculated
                origin = _origin(grid, files, workbook.data if formulas else None)
                yield from parts(grid, origin, plain(grid.name), formulas, workbook.failure)


class _Files(ExitStack):
    """The workbook as pandas opens it, with each engine once and when it is needed."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source

    @cached_property
    def complete(self) -> pd.ExcelFile:
        """Calamine needs memory for all cells of a sheet, empty ones included."""
        return self.enter_context(pd.ExcelFile(self._source.path, engine="calamine"))

    @cached_property
    def streamed(self) -> pd.ExcelFile:
        return self.enter_context(pd.ExcelFile(self._source.path, engine="openpyxl"))


def _origin(grid: Grid, files: _Files, data: bytes | None) -> Origin:
    """Where pandas reads the sheet from."""

    def opened() -> Any:
        if data is not None:
            return io.BytesIO(data)
        return files.streamed if grid.is_cropped or not grid.complete else files.complete

    return Origin(
        "pd.read_excel",
        "{name}" if data is None else calculation.CALCULATED,
        {"sheet_name": grid.name, "engine": "openpyxl" if grid.is_cropped else "calamine"},
        opened,
        setup=() if data is None else [calculation.SETUP],
        limits={} if grid.complete else {"engine": "openpyxl", "nrows": len(grid.rows)},
    )
