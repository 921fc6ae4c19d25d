"""Divides a sheet into blocks of cells along its empty rows and columns; several tables may stand in one sheet."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from tools.files.formats.sheets.grid import BLANK, MARK, NUMBER, TEXT, Grid, Kinds, Mask

MAX_BLOCKS = 200
_LOOKED_AT = 50
"""Rows from which the kinds of a column are taken."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows and columns, counted from 0; the ends are not included."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def of(self, kinds: Kinds) -> Kinds:
        return kinds[self.top : self.bottom, self.left : self.right]


def blocks(grid: Grid) -> list[Block]:
    """From top to bottom and from left to right. A table with empty rows in it is one block, also if its header is
    repeated.
    """
    kinds = grid.kinds
    found: list[Block] = []
    todo = [shrunk for shrunk in [_shrunk(kinds, Block(0, kinds.shape[0], 0, kinds.shape[1]))] if shrunk]
    while todo and len(found) < MAX_BLOCKS:
        block = todo.pop(0)
        parts = _bands(grid, block)
        if len(parts) == 1:
            parts = _strips(grid, block)
        if len(parts) == 1:
            found.append(block)
        else:
            todo = parts + todo
    return found


def _shrunk(kinds: Kinds, block: Block) -> Block | None:
    """Without empty rows and columns at its edges."""
    rows = np.flatnonzero((block.of(kinds) != BLANK).any(axis=1))
    columns = np.flatnonzero((block.of(kinds) != BLANK).any(axis=0))
    if not len(rows):
        return None
    first, last, left, right = (int(at) for at in (rows[0], rows[-1], columns[0], columns[-1]))
    return Block(block.top + first, block.top + last + 1, block.left + left, block.left + right + 1)


def _bands(grid: Grid, block: Block) -> list[Block]:
    """The parts between empty rows, where what continues a table stays with it."""
    kinds = grid.kinds
    bands: list[Block] = []
    for first, last in _runs((block.of(kinds) != BLANK).any(axis=1)):
        band = _shrunk(kinds, replace(block, top=block.top + first, bottom=block.top + last))
        assert band is not None
        if bands and (_repeats(grid, bands[-1], band) or _continues(grid, bands[-1], band)):
            upper = bands.pop()
            band = Block(upper.top, band.bottom, min(upper.left, band.left), max(upper.right, band.right))
        bands.append(band)
    return bands


def _strips(grid: Grid, block: Block) -> list[Block]:
    """The parts between empty columns, where a column that only separates others does not end a table."""
    kinds = grid.kinds
    strips: list[Block] = []
    for first, last in _runs((block.of(kinds) != BLANK).any(axis=0)):
        strip = _shrunk(kinds, replace(block, left=block.left + first, right=block.left + last))
        assert strip is not None
        if strips and _is_same_table(grid, strips[-1], strip):
            left = strips.pop()
            strip = Block(min(left.top, strip.top), max(left.bottom, strip.bottom), left.left, strip.right)
        strips.append(strip)
    return strips


def _runs(filled: Mask) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], filled, [False])).astype(np.int8)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(start), int(end)


def _repeats(grid: Grid, upper: Block, lower: Block) -> bool:
    """Whether the lower part begins with the same texts, in the same columns, as the upper one."""
    if (upper.left, upper.right) != (lower.left, lower.right) or upper.width < 2 or min(upper.height, lower.height) < 2:
        return False
    first, again = (grid.rows[block.top][block.left : block.right] for block in (upper, lower))
    return first == again and bool((grid.kinds[upper.top, upper.left : upper.right] == TEXT).any())


def _begins_with_years(grid: Grid, block: Block) -> bool:
    """Whether the first row consists of texts and years in order, which name columns."""
    cells = grid.rows[block.top][block.left : block.right]
    numbers = [cell for cell in cells if isinstance(cell, int | float)]
    in_order = all(abs(after - before) == 1 for before, after in pairwise(numbers))
    return len(numbers) > 1 and in_order and all(1900 <= number <= 2100 for number in numbers)


def _continues(grid: Grid, upper: Block, lower: Block) -> bool:
    """Whether the rows below empty rows have no header of their own, but what the columns above hold."""
    kinds = grid.kinds
    if lower.left < upper.left or lower.right > upper.right or upper.width < 2 or _begins_with_years(grid, lower):
        return False
    if upper.height == 1:  # a header apart from its data
        names, first = upper.of(kinds)[0], lower.of(kinds)[0]
        alike = (lower.left, lower.right) == (upper.left, upper.right) and lower.height > 1
        return alike and bool((names == TEXT).all()) and bool((first > TEXT).any())
    typed = _typed(upper.of(kinds)[1:])
    first = kinds[lower.top, upper.left : upper.right]
    if not typed.any():
        return (
            lower.height > 1 and (lower.left, lower.right) == (upper.left, upper.right) and bool((first != BLANK).all())
        )
    kept = first[typed]
    return bool((kept != TEXT).all() and (kept != BLANK).any())


def _is_same_table(grid: Grid, left: Block, right: Block) -> bool:
    """Whether the right part, with as many rows and other names, begins with figures rather than with keys."""
    if (left.top, left.bottom) != (right.top, right.bottom) or left.height < 2:
        return False
    names, more = (set(grid.rows[block.top][block.left : block.right]) - {""} for block in (left, right))
    begins = right.of(grid.kinds)[1:, 0]
    return not names & more and bool(np.isin(begins, (NUMBER, BLANK, MARK)).all()) and bool((begins == NUMBER).any())


def _typed(kinds: Kinds) -> Mask:
    """Which columns hold mostly numbers, dates or booleans."""
    looked = kinds[:_LOOKED_AT]
    filled = (looked > BLANK).sum(axis=0)
    typed: Mask = (looked > TEXT).sum(axis=0) * 2 > filled
    return typed
