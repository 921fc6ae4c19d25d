"""A sheet's cells, and what is known about them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tools.files.inference.missing_values import is_mark

Row: TypeAlias = list[Any]
"""Values as calamine gives them; an empty cell is an empty text."""
Range: TypeAlias = tuple[int, int, int, int]
"""`(top, left, bottom, right)`, counted from 0, the last ones included."""
Kinds: TypeAlias = npt.NDArray[np.int8]
Mask: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]
"""A yes or no for each row or column."""
MARK, BLANK, TEXT, NUMBER, TIME, BOOLEAN = range(-1, 5)
"""What a cell holds: a mark of a missing value, nothing, and so on. Text that reads like a number or a date is one."""
_NUMBER = re.compile(r"\s*[-+(]?\s*[^\w\s.,+-]?\s*\d[\d.,'\s]*(?:[eE][-+]?\d+)?\s*(?:%|[^\w\s.,]|[A-Z]{3})?\s*\)?\s*")
_DATE = re.compile(r"(\d{4}([-./])\d{1,2}\2\d{1,2}|\d{1,2}([-/]|\. ?)\d{1,2}\3\d{2,4})([T ]\d{1,2}:\d{2}.*)?")
_LONGEST_NUMBER = 30
_TYPES: dict[type, int] = {str: TEXT, int: NUMBER, float: NUMBER, bool: BOOLEAN, type(None): BLANK} | dict.fromkeys(
    (date, datetime, time, timedelta), TIME
)


@dataclass(frozen=True, slots=True)
class Marks:
    """What the cells' values do not tell. What a format does not tell either is empty."""

    merged: list[Range] = field(default_factory=list)
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()
    errors: dict[int, int] = field(default_factory=dict)
    """Number of cells that hold an error such as `#N/A`, by column."""
    uncalculated: dict[tuple[int, int], str] = field(default_factory=dict)
    """Formulas without a result, by `(row, column)`."""
    zeros: dict[int, int] = field(default_factory=dict)
    """Digits of columns with a number format such as `00000`, which shows leading zeros."""


@dataclass(frozen=True)
class Grid:
    """A worksheet from its cell A1 on, as far as it was read."""

    name: str
    rows: list[Row]
    """All of the same length."""
    hidden: bool = False
    marks: Marks = field(default_factory=Marks)
    complete: bool = True
    rows_claimed: int = 0
    """Number of rows of the sheet, including empty ones at the end and those that were not read."""
    is_cropped: bool = False
    """Whether far more columns or rows exist than were read, which are nearly all empty."""

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    @cached_property
    def kinds(self) -> Kinds:
        """What each cell holds; cells that are merged downwards hold what their first one does."""
        kinds = _kinds(list(chain.from_iterable(self.rows))).reshape(len(self.rows), self.width)
        for top, left, bottom, _ in self.marks.merged:
            if bottom > top and top < len(self.rows) and left < self.width:
                kinds[top : bottom + 1, left] = kinds[top, left]
        return kinds

    def column(self, column: int, rows: Sequence[int]) -> list[Any]:
        """The cells of these rows."""
        if rows and rows[-1] - rows[0] + 1 == len(rows):
            return [row[column] for row in self.rows[rows[0] : rows[-1] + 1]]
        return [self.rows[row][column] for row in rows]


def shown(cell: Any) -> str:
    """The cell as a person would write it."""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else "" if cell is None else str(cell)


def _kinds(cells: list[Any]) -> Kinds:
    kinds = np.fromiter(map(_TYPES.__getitem__, map(type, cells)), dtype=np.int8, count=len(cells))
    texts = np.flatnonzero(kinds == TEXT)
    known = _Texts()
    kinds[texts] = np.fromiter(map(known.__getitem__, [cells[at] for at in texts.tolist()]), np.int8, count=len(texts))
    return kinds


class _Texts(dict[str, int]):
    def __missing__(self, key: str) -> int:
        self[key] = kind = _kind_of_text(key.strip())
        return kind


def _kind_of_text(text: str) -> int:
    if not text:
        return BLANK
    if is_mark(text):
        return MARK
    if len(text) > _LONGEST_NUMBER:
        return TEXT
    return NUMBER if _NUMBER.fullmatch(text) else TIME if _DATE.fullmatch(text) else TEXT
