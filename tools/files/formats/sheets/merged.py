"""Cells that are merged downwards: their value belongs to each of the rows."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.files.formats.sheets.grid import Grid
from tools.files.formats.sheets.load import COLUMN
from tools.files.formats.sheets.regions import Block


@dataclass(frozen=True, slots=True)
class Filled:
    """Expressions that fill the columns, by name, and what a reader has to know."""

    changes: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def fill(grid: Grid, block: Block, names: Sequence[str], rows: Sequence[int]) -> Filled:
    """`rows`: the rows of the sheet that become those of the data frame."""
    found = Filled()
    position = {row: at for at, row in enumerate(rows)}
    downwards: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for top, left, bottom, _ in grid.marks.merged:
        if bottom > top:
            downwards[left].append((top, bottom))
    told: list[str] = []
    numbers: list[str] = []
    for column in range(block.left, block.right):
        ranges = [
            inside
            for top, bottom in downwards[column]
            if grid.rows[top : top + 1] and grid.rows[top][column] != ""
            if len(inside := [position[row] for row in range(top, bottom + 1) if row in position]) > 1
            if top in position
        ]
        if ranges:
            name = names[column - block.left]
            values = grid.column(column, rows)
            found.changes[name] = _change(values, ranges)
            told.append(name)
            if any(isinstance(values[inside[0]], int | float) for inside in ranges):
                numbers.append(name)
    if told:
        found.notes.append(f"Merged cells are filled downwards: each row has the value of {', '.join(told[:8])}.")
    if numbers:
        found.notes.append(f"So a sum of {', '.join(numbers[:8])} counts each merged number once per row.")
    return found


def _change(values: Sequence[object], ranges: Sequence[Sequence[int]]) -> str:
    filled = f"{COLUMN}.ffill()"
    merged = {at for inside in ranges for at in inside[1:]}
    blank = [at for at, value in enumerate(values) if value == ""]
    kept = [at for at in blank if at not in merged]
    if not kept:
        whole = all(isinstance(value, float) and value.is_integer() for value in values if value != "")
        return f'{filled}.astype("int64")' if whole else filled
    if len(kept) <= len(merged):
        return f"{filled}.where(~{COLUMN}.index.isin({kept}))"
    return f"{COLUMN}.where(~{COLUMN}.index.isin({sorted(merged)}), {filled})"
