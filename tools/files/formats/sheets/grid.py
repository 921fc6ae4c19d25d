"""A sheet's cells, and what is known about them."""

import re
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Row: TypeAlias = list[Any]
"""Values as calamine gives them; an empty cell is an empty text."""
Range: TypeAlias = tuple[int, int, int, int]
"""`(top, left, bottom, right)`, counted from 0, the last ones included."""
Kinds: TypeAlias = npt.NDArray[np.int8]
BLANK, TEXT, NUMBER, TIME, BOOLEAN = range(5)
"""What a cell holds. Text that reads like a number counts as a number."""
_NUMBER = re.compile(r"\s*[-+(]?\s*[^\w\s.,+-]?\s*\d[\d.,'\s]*(?:[eE][-+]?\d+)?\s*(?:%|[^\w\s.,]|[A-Z]{3})?\s*\)?\s*")
_LONGEST_NUMBER = 30


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
    """Number of rows of a sheet that was not read completely."""

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    @cached_property
    def kinds(self) -> Kinds:
        """What each cell holds; cells that are merged downwards hold what their first one does."""
        kinds = np.array([[_kind(cell) for cell in row] for row in self.rows], dtype=np.int8)
        kinds = kinds.reshape(len(self.rows), self.width)
        for top, left, bottom, right in self.marks.merged:
            if bottom > top and top < len(self.rows) and left < self.width:
                kinds[top : bottom + 1, left] = kinds[top, left]
                if kinds[top, left] != BLANK:
                    kinds[top : bottom + 1, left : right + 1] = np.maximum(
                        kinds[top : bottom + 1, left : right + 1], BLANK
                    )
        return kinds


def _kind(cell: object) -> int:
    if isinstance(cell, str):
        if not cell or cell.isspace():
            return BLANK
        return NUMBER if len(cell) <= _LONGEST_NUMBER and _NUMBER.fullmatch(cell) else TEXT
    if isinstance(cell, bool):
        return BOOLEAN
    if isinstance(cell, date | time | timedelta):
        return TIME
    return BLANK if cell is None else NUMBER
