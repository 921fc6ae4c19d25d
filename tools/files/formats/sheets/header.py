"""Finds the header of a block of cells, below titles, and the names of the columns."""

import math
import re
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tools.files.formats.sheets.grid import BLANK, NUMBER, TEXT, TIME, Grid, Kinds, Mask, shown
from tools.files.formats.sheets.regions import Block
from tools.files.inference.missing_values import is_mark
from tools.files.profile import plain
from tools.files.rows import unique_names

_BRACKETS = re.compile(r"[(\[].*[)\]]")
_LOOKED_AT = 40
"""Rows of a block in which a header is searched."""
_SHARE = 0.6
"""Of the cells that most rows fill, those that a header fills at least; titles fill one or two."""
_BELOW = 60
"""Rows below a possible header that it is compared with."""
_MAX_LEVELS = 4
_MOST, _PURE = 0.5, 0.79
"""Of the cells of a column, those that have to be of another kind than a name above them."""
_LONGEST_UNIT = 14
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Header:
    """The rows of a sheet, counted from 0, that name the columns of a block."""

    lines: tuple[int, ...]
    """Empty if the first row is data."""
    data_from: int
    notes: list[str] = field(default_factory=list)


def find_header(grid: Grid, block: Block) -> Header:
    """Never fails: if nothing looks like a header, the first row that is filled like the others is used."""
    kinds = block.of(grid.kinds)
    line, shown = _contrast(grid, block, kinds)
    if line is None:
        if _are_pairs(kinds):
            return Header((), block.top, ["It has pairs of a name and a value: there are no column names."])
        line = _fullest(kinds)
        if line == 0 and _is_data(kinds):
            return Header((), block.top, ["The first row is data: there are no column names."])
    lines, below, notes = [line], line + 1, []
    if shown is not None and line + 1 < len(kinds) and _names_again(kinds, line, shown):
        if _has_groups(grid, block, line):
            lines, below = [line, line + 1], line + 2
        elif _filled(kinds[line]) < _filled(kinds[line + 1]):
            lines, below = [line + 1], line + 2
        elif _are_units(grid, block, line + 1, shown):
            below = line + 2
            notes.append(_units(grid, block, line + 1))
    if below < len(kinds) and _is_numbering(grid, block, below):
        below += 1
    while lines[0] > 0 and len(lines) < _MAX_LEVELS and _has_groups(grid, block, lines[0] - 1):
        lines.insert(0, lines[0] - 1)
    return Header(tuple(block.top + at for at in lines), block.top + below, notes)


def _contrast(grid: Grid, block: Block, kinds: Kinds) -> tuple[int | None, Mask | None]:
    """`(the first row of names above columns of something else, these columns)`."""
    typical = _typical(kinds)
    for at in range(min(_LOOKED_AT, len(kinds) - 1)):
        row, below = kinds[at], kinds[at + 1 : at + 1 + _BELOW]
        if _filled(row) < max(1, min(2, block.width), math.ceil(typical * _SHARE)) or not _can_name(grid, block, at):
            continue
        filled = (below > BLANK).sum(axis=0)
        share = _PURE if block.width == 2 else _MOST  # pairs of a name and anything have no header
        typed = ((below > TEXT).sum(axis=0) > share * filled) & (filled > 0) & (row != BLANK)
        if typed.any():
            return at, typed
        if block.width == 2 and _filled(row) == 2:
            break  # what follows names and values has no header
    return None, None


def _are_pairs(kinds: Kinds) -> bool:
    """Whether there are two columns, names and values of different kinds."""
    if kinds.shape[1] != 2 or len(kinds) < 3:
        return False
    names, values = kinds.T
    return bool((names == TEXT).all()) and bool((values == TEXT).any()) and bool((values[1:] > TEXT).any())


def _typical(kinds: Kinds) -> int:
    """The number of cells that most rows fill."""
    return int(np.median((kinds[:400] != BLANK).sum(axis=1)))


def _filled(row: Kinds) -> int:
    return int((row != BLANK).sum())


def _can_name(grid: Grid, block: Block, at: int) -> bool:
    """Whether the cells of a row are texts, years or dates, all different, which may name columns."""
    cells = grid.rows[block.top + at][block.left : block.right]
    kinds = block.of(grid.kinds)[at]
    numbers = [cell for cell, kind in zip(cells, kinds, strict=True) if kind == NUMBER and not isinstance(cell, str)]
    texts = int((kinds == TEXT).sum())
    digits = [cell for cell, kind in zip(cells, kinds, strict=True) if kind == NUMBER and isinstance(cell, str)]
    if texts == 0 and not (numbers and kinds[0] == BLANK) and not digits:
        return False
    if any(kind > TIME for kind in kinds):
        return False
    named = [*numbers, *(float(cell) for cell in digits if cell.strip().isdigit())]
    if len(digits) > sum(cell.strip().isdigit() for cell in digits):
        return False
    return all(_is_year(cell) for cell in named) or _counts(named)


def _is_year(cell: object) -> bool:
    return isinstance(cell, int | float) and 1900 <= cell <= 2100 and float(cell).is_integer()


def _counts(numbers: list[float]) -> bool:
    """Whether the numbers are consecutive: weeks, days, months."""
    return len(numbers) >= 3 and all(after - before == 1 for before, after in pairwise(numbers))


def _fullest(kinds: Kinds) -> int:
    """The first row that is filled like a table's; titles fill one or two cells."""
    width, typical = kinds.shape[1], _typical(kinds)
    wanted = max(1, min(2, width), (typical + 1) // 2)
    return next((at for at in range(min(_LOOKED_AT, len(kinds))) if _filled(kinds[at]) >= wanted), 0)


def _is_data(kinds: Kinds) -> bool:
    """Whether the first row is like the others, with numbers or dates where they have some."""
    others = kinds[1:20]
    if not len(others):
        return False
    typed = (others > TEXT).all(axis=0)
    return bool(typed.any()) and bool((kinds[0][typed] > TEXT).all())


def _names_again(kinds: Kinds, line: int, typed: Mask) -> bool:
    """Whether the row below has texts too, in columns that hold something else from there on."""
    row = kinds[line + 1]
    named = row[typed]
    return _filled(row) >= 2 and bool((named != BLANK).any()) and bool(np.isin(named, (TEXT, BLANK)).all())


def _has_groups(grid: Grid, block: Block, at: int) -> bool:
    """Whether a row names groups of columns: by merged cells, or by regular gaps."""
    row, kinds = block.top + at, block.of(grid.kinds)[at]
    if not np.isin(kinds, (TEXT, BLANK, NUMBER)).all():
        return False
    merged = [
        (left, right)
        for top, left, bottom, right in grid.marks.merged
        if top == bottom == row and block.left <= left < right < block.right and right - left + 1 < block.width
    ]
    if merged:
        return _filled(kinds) > 1 or merged[0][0] > block.left  # else it is a title
    starts = [*np.flatnonzero(kinds != BLANK).tolist(), block.width]
    sizes = [end - start for start, end in pairwise(starts)]
    groups = [size for size in sizes if size > 1]
    return len(groups) >= 2 and len(set(groups)) == 1 and all(size > 1 for size in sizes[sizes.index(groups[0]) :])


def _are_units(grid: Grid, block: Block, at: int, typed: Mask) -> bool:
    """Whether a row of texts above figures says in what they are measured; marks of missing values do not."""
    cells = [plain(cell) for cell in grid.rows[block.top + at][block.left : block.right]]
    above = [cell for cell, figures in zip(cells, typed, strict=True) if cell and figures]
    beside = [cell for cell, figures in zip(cells, typed, strict=True) if cell and not figures]
    if not above or any(is_mark(cell) or len(cell) > _LONGEST_UNIT for cell in above):
        return False
    return all(_BRACKETS.fullmatch(cell) or is_mark(cell) for cell in beside)


def _units(grid: Grid, block: Block, at: int) -> str:
    """What a row between the header and the data says, which is no data."""
    cells = [plain(cell, 30) for cell in grid.rows[block.top + at][block.left : block.right] if cell not in ("", None)]
    return f"Row {block.top + at + 1} holds units, not data: {plain(', '.join(cells), 120)}."


def _is_numbering(grid: Grid, block: Block, at: int) -> bool:
    """Whether a row only numbers the columns."""
    cells = grid.rows[block.top + at][block.left : block.right]
    wanted = range(1, len(cells) + 1)
    return len(cells) >= 4 and all(
        str(cell).removesuffix(".0") == str(one) for cell, one in zip(cells, wanted, strict=True)
    )


def column_names(grid: Grid, block: Block, header: Header) -> list[str]:
    """Unique names without blanks around them. The levels of a header are joined: `2023 Q1`."""
    if not header.lines:
        return [f"column_{at}" for at in range(1, block.width + 1)]
    levels = [_level(grid, block, row, spread=row != header.lines[-1]) for row in header.lines]
    names = []
    for at in range(block.width):
        parts = [level[at] for level in levels if level[at]]
        names.append(" ".join(dict.fromkeys(parts)))
    return unique_names(names)


def _level(grid: Grid, block: Block, row: int, *, spread: bool) -> list[str]:
    """One row of a header; the name of a group applies to each of its columns."""
    cells = [plain(shown(cell), _LONGEST_NAME) for cell in grid.rows[row][block.left : block.right]]
    spans = [
        (left - block.left, right - block.left)
        for top, left, bottom, right in grid.marks.merged
        if top <= row <= bottom and right > left >= block.left
    ]
    for left, right in spans:
        cells[left : right + 1] = [cells[left]] * (len(cells[left : right + 1]))
    if spread and not spans:
        for at in range(1, len(cells)):
            cells[at] = cells[at] or cells[at - 1]
    return cells
