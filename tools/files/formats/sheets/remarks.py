"""What a reader has to know about the cells of a table, because a program does not see it."""

from collections.abc import Sequence
from math import isclose

import numpy as np

from tools.files.formats.sheets.found import Found
from tools.files.formats.sheets.grid import BLANK, TEXT, shown
from tools.files.inference.conversion import quoted
from tools.files.profile import plain
from tools.files.totals import is_total_label

_MAX_LISTED = 8
_LOOKED_AT = 50


def remarks(found: Found) -> list[str]:
    return [*_hidden(found), *_errors(found), *_headings(found), *_groups(found), *_totals(found), *_above(found)]


def _hidden(found: Found) -> list[str]:
    grid, block, notes = found.grid, found.block, []
    rows = [at for at, row in enumerate(found.body.rows) if row in grid.marks.hidden_rows]
    if rows:
        listed = plain(str(rows), 200) if len(rows) <= 30 else f"{rows[0]} to {rows[-1]}"
        notes.append(f"Rows that are hidden in the sheet are in df too: {len(rows)}, index {listed}.")
    names = [name for at, name in enumerate(found.names) if block.left + at in grid.marks.hidden_columns]
    if names:
        notes.append(f"Hidden in the sheet, and in df too: {_listed(names)}.")
    return notes


def _errors(found: Found) -> list[str]:
    counts = {name: found.grid.marks.errors.get(found.block.left + at, 0) for at, name in enumerate(found.names)}
    told = [f"{count} in {name}" for name, count in counts.items() if count]
    if not told or not found.grid.complete:
        return []
    return [f"Cells that hold an error such as #N/A or #DIV/0! are missing values: {_listed(told)}."]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more


def _headings(found: Found) -> list[str]:
    """Rows among the data that only have a text in the first cell."""
    grid, block, rows = found.grid, found.block, found.body.rows
    if block.width < 3 or len(rows) < 3:
        return []
    kinds = grid.kinds[rows, block.left : block.right]
    alone = ((kinds != BLANK).sum(axis=1) == 1) & (kinds[:, 0] == TEXT)
    if not 0 < alone.sum() <= len(rows) / 2 or (kinds[~alone, 0] == BLANK).any():
        return []
    indexes = np.flatnonzero(alone).tolist()
    told = ", ".join(plain(grid.rows[rows[at]][block.left], 30) for at in indexes[:4])
    return [f"{len(indexes)} rows are headings of groups, not data ({told}): df.dropna(thresh=2) leaves them out."]


def _groups(found: Found) -> list[str]:
    """A first column that names a group only in its first row, as pivot tables do."""
    grid, block, rows = found.grid, found.block, found.body.rows
    if block.width < 3 or len(rows) < 4 or any(left == block.left for _, left, _, _ in grid.marks.merged):
        return []
    kinds = grid.kinds[rows, block.left : block.right]
    blank = kinds[:, 0] == BLANK
    if blank[0] or (kinds[~blank, 0] != TEXT).any() or blank.sum() * 3 < len(rows) or (kinds[:, 1:] == BLANK).any():
        return []
    column = f"df[{quoted(found.names[0])}]"
    return [
        f"{found.names[0]} is empty below the first row of each group, as in a pivot table: "
        f"{column} = {column}.ffill() fills it."
    ]


def _totals(found: Found) -> list[str]:
    """Columns that sum up those before."""
    grid, block, rows = found.grid, found.block, found.body.rows[:_LOOKED_AT]
    notes = []
    for at, name in enumerate(found.names):
        if at < 2 or not is_total_label(name):
            continue
        cells = [grid.rows[row][block.left : block.left + at + 1] for row in rows]
        numbers = [[cell for cell in row if isinstance(cell, int | float)] for row in cells]
        if numbers and all(len(row) > 2 and isclose(sum(row[:-1]), row[-1], abs_tol=0.006) for row in numbers):
            notes.append(f"The column {name} is the sum of those before it.")
    return notes


def _above(found: Found) -> list[str]:
    """The titles between the block's top and the header."""
    grid, block = found.grid, found.block
    if not found.header.lines:
        return []
    rows = grid.rows[block.top : found.header.lines[0]]
    text = plain("; ".join(shown(cell) for row in rows for cell in row[block.left : block.right] if cell != ""), 150)
    return [f"Above it: {text}"] if text else []
