"""Tells whether the first row of a text table has names, and which names pandas and people use."""

import re
from collections.abc import Sequence

from tools.files.inference.column_type import ColumnType
from tools.files.inference.infer import infer
from tools.files.inference.missing_values import is_mark
from tools.files.profile import MAX_COLUMNS, plain
from tools.files.rows import unique_names

Row = Sequence[str]
MAX_NAME = 200
LOOKED_AT = 200
_YEAR = re.compile(r"(19|20)\d\d")
_TYPED = ("integer", "number", "date", "time", "boolean")
_UNIT = re.compile(r".{1,15}")
_BRACKETED = re.compile(r"[\[(].*[\])]")
_SYMBOL = re.compile(r"[°%µμΩ‰€$£/²³\[(]|^(mm|cm|km|m|kg|g|mg|s|ms|min|h|V|A|W|kW|kWh|MW|Hz|hPa|Pa|bar|K|C|F|l|ml)$")


def has_header(first: Row, others: Sequence[Row]) -> bool:
    """Whether the first row has names rather than values."""
    if not others:
        return not all(_kind([cell]) in _TYPED for cell in first[:MAX_COLUMNS] if cell.strip())
    return evidence(first, others) is not False


def evidence(first: Row, others: Sequence[Row]) -> bool | None:
    """Whether the first row has names: True if types differ below it, False if it has the types of the values, or its
    texts occur among them; None if nothing shows it.
    """
    first, columns = first[:MAX_COLUMNS], Columns(others)
    below = [columns.values(at) for at in range(len(first))]
    if _are_years(first, below):
        return True
    fits = [columns.has_type_of(cell, at) for at, cell in enumerate(first)]
    if any(fit is False for fit in fits):
        return True
    if any(fit is True for fit in fits):
        return False
    return False if any(cell.strip() and cell in column for cell, column in zip(first, below, strict=True)) else None


class Columns:
    """The columns of some rows. The type of each is inferred once, when it is asked for."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows[:LOOKED_AT]
        self._types: dict[int, ColumnType | None] = {}

    def values(self, at: int) -> list[str]:
        """Those that are not blank."""
        return [row[at] for row in self._rows if at < len(row) and row[at].strip()]

    def fit(self, row: Row) -> bool:
        """Whether a row has the types of the columns, as far as these have values."""
        return not any(self.has_type_of(cell, at) is False for at, cell in enumerate(row[:MAX_COLUMNS]))

    def has_type_of(self, cell: str, at: int) -> bool | None:
        """Whether a cell is like the values of a column; None if there are none, or texts, which show nothing."""
        found = self._type(at) if cell.strip() else None
        if found is None or (found.kind not in _TYPED and found.why == ""):
            return None
        return _alike(infer([cell]), found)

    def _type(self, at: int) -> ColumnType | None:
        if at not in self._types:
            values = self.values(at)
            self._types[at] = infer(values) if values else None
        return self._types[at]


def _are_years(first: Row, below: Sequence[Sequence[str]]) -> bool:
    """Years in order as names, above other values."""
    years = [cell.strip() for cell in first if _YEAR.fullmatch(cell.strip())]
    values = [value for cell, column in zip(first, below, strict=True) if cell.strip() in years for value in column]
    ordered = len(years) > 1 and years in (sorted(set(years)), sorted(set(years), reverse=True))
    return ordered and sum(bool(_YEAR.fullmatch(value.strip())) for value in values) < len(values) / 2


def _alike(one: ColumnType, other: ColumnType) -> bool:
    numeric = ("integer", "number")
    if one.kind in numeric and (other.kind in numeric or other.why):
        return True
    return one.kind == other.kind and one.why == other.why if other.kind == "text" else one.kind == other.kind


def _kind(cells: Sequence[str]) -> str:
    return infer(cells).kind


def units_below(second: Row, others: Sequence[Row]) -> bool:
    """Whether the second row has the units of the columns: `s`, `°C` or `[m]` above numbers, nothing above texts."""
    cells = [cell.strip() for cell in second[:MAX_COLUMNS]]
    if len(others) < 2 or not all(_UNIT.fullmatch(cell) for cell in cells if cell):
        return False
    typed = {at for at in range(len(cells)) if _kind([row[at] for row in others if at < len(row)]) in _TYPED}
    units = [cells[at] for at in typed if cells[at] and not is_mark(cells[at])]
    rest = [cell for at, cell in enumerate(cells) if at not in typed and cell and not is_mark(cell)]
    if any(_kind([cell]) in _TYPED for cell in units) or not all(_BRACKETED.fullmatch(cell) for cell in rest):
        return False
    return len(units) > 1 or any(_SYMBOL.search(unit) for unit in units)


def is_upper_line(upper: Row, lower: Row, others: Sequence[Row]) -> bool:
    """Whether a header has two lines: names above groups of columns, then a name for each column."""
    named = [cell.strip() for cell in upper]
    below = [cell.strip() for cell in lower]
    gaps = [at for at, cell in enumerate(named) if not cell]
    if not others or len(below) < 2 or not gaps or sum(map(bool, named)) < 2 or gaps == [0]:
        return False
    if not all(at < len(below) and below[at] for at in gaps if at) or any(
        _kind([c]) in _TYPED for c in below[:MAX_COLUMNS] if c
    ):
        return False
    return has_header(lower, others)


def joined(upper: Row, lower: Row) -> list[str]:
    """The names of a header with two lines, in one."""
    names, above = [], ""
    for at, below in enumerate(lower):
        above = upper[at].strip() if at < len(upper) and upper[at].strip() else above
        names.append(" ".join(part for part in (above, below.strip()) if part))
    return names


def clean_names(cells: Row, width: int) -> list[str]:
    """Names without surrounding blanks and invisible characters; unique, as pandas makes them."""
    padded = [*cells, *[""] * (width - len(cells))][:width]
    return unique_names([plain(cell.strip(), MAX_NAME) for cell in padded])
