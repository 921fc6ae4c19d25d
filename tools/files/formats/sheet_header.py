"""Finds where a sheet's table begins: after titles, a header of one or two lines, and empty columns."""

from dataclasses import dataclass, field
from typing import Any

from tools.files.profile import plain
from tools.files.rows import unique_names

Row = tuple[Any, ...]
Merged = list[tuple[int, int, int, int]]
_LOOKED_AT = 20
MAX_WIDTH = 5000


@dataclass(frozen=True, slots=True)
class Header:
    """The arguments for `pd.read_excel`."""

    lines: tuple[int, ...]
    """Rows of the sheet with the names, counted from 0; none if the first row is data."""
    names: list[Any]
    """One per column, from the sheet's first column on; a pair if the header has two lines."""
    first_column: int = 0
    """Empty columns before the table."""
    notes: list[str] = field(default_factory=list)

    @property
    def data_from(self) -> int:
        return self.lines[-1] + 1 if self.lines else 0


def find_header(rows: list[Row], merged: Merged) -> Header:
    """Never fails: if nothing looks like a header, the first non-empty row is used."""
    width = min(max((_width(row) for row in rows), default=0), MAX_WIDTH)
    if not rows or not width:
        return Header((0,), [])
    line = _header_line(rows, width)
    first = _first_column(rows, width)
    if _is_data(rows, line):
        return Header((), list(range(width)), first, ["The first row is data: there are no column names."])
    if _has_second_line(rows, line, merged):
        return Header((line, line + 1), _pairs(rows[line], rows[line + 1], width), first, _above(line, two=True))
    names = [plain(cell) if cell is not None else "" for cell in _padded(rows[line], width)]
    return Header((line,), list(unique_names(names)), first, _above(line, two=False))


def _above(line: int, *, two: bool) -> list[str]:
    notes = [f"The table starts in row {line + 1}, below a title."] if line else []
    if two:
        notes.append('The header has two lines: a column is named by a pair, as in df[("above", "below")].')
    return notes


def _header_line(rows: list[Row], width: int) -> int:
    """The first row that is filled like a table's; titles fill one or two cells."""
    looked = rows[:_LOOKED_AT]
    typical = max(_filled(row) for row in rows[: 10 * _LOOKED_AT])
    for at, row in enumerate(looked):
        if _filled(row) >= max(1, min(2, width), (typical + 1) // 2):
            return at
    return next((at for at, row in enumerate(looked) if _filled(row)), 0)


def _has_second_line(rows: list[Row], line: int, merged: Merged) -> bool:
    """Whether cells of the line are merged horizontally above names in the next one."""
    if line + 2 >= len(rows):
        return False
    below = rows[line + 1]
    spans = [(a, c) for a, top, c, bottom in merged if top == bottom == line + 1 and c > a]
    named = [at for a, c in spans for at in range(a - 1, min(c, len(below))) if isinstance(below[at], str)]
    data = rows[line + 2]
    different = any(at < len(data) and not isinstance(data[at], str | None) for at in named)
    return len(named) >= 2 and all(isinstance(cell, str | int | None) for cell in below) and different


def _pairs(above: Row, below: Row, width: int) -> list[tuple[str, str]]:
    """In pandas' notation: the upper name applies until the next one, an empty lower one is numbered."""
    names: list[tuple[str, str]] = []
    upper = ""
    for at, (high, low) in enumerate(zip(_padded(above, width), _padded(below, width), strict=True)):
        upper = plain(high) if high is not None else upper
        names.append((upper or f"Unnamed: {at}_level_0", plain(low) if low is not None else f"Unnamed: {at}_level_1"))
    return names


def _is_data(rows: list[Row], line: int) -> bool:
    """Whether the first row is like the others, with numbers or dates where they have some."""
    others = rows[line + 1 : line + 20]
    if line or not others:
        return False
    typed = [
        at
        for at in range(min(len(rows[0]), 200))
        if all(at < len(row) and row[at] is not None and not isinstance(row[at], str) for row in others)
    ]
    return bool(typed) and all(rows[0][at] is not None and not isinstance(rows[0][at], str) for at in typed)


def _first_column(rows: list[Row], width: int) -> int:
    for at in range(width - 1):
        if any(at < len(row) and row[at] is not None for row in rows):
            return at
    return 0


def _width(row: Row) -> int:
    return next((at for at in range(len(row), 0, -1) if row[at - 1] is not None), 0)


def _filled(row: Row) -> int:
    return sum(cell is not None for cell in row)


def _padded(row: Row, width: int) -> Row:
    return (row + (None,) * (width - len(row)))[:width]
