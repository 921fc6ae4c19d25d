"""Cells that are merged downwards: their value belongs to each of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.files.formats.sheets.grid import Grid
from tools.files.formats.sheets.regions import Block
from tools.files.inference.conversion import quoted

_MAX_RANGES = 12


@dataclass(frozen=True, slots=True)
class Filled:
    """Lines of Python that fill the columns, and what a reader has to know."""

    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def fill(grid: Grid, block: Block, names: Sequence[str], rows: Sequence[int]) -> Filled:
    """`rows`: the rows of the sheet that become those of the data frame."""
    found = Filled()
    position = {row: at for at, row in enumerate(rows)}
    told: list[str] = []
    numbers: list[str] = []
    for column in range(block.left, block.right):
        ranges = [
            inside
            for top, left, bottom, _ in grid.marks.merged
            if left == column and bottom > top and grid.rows[top : top + 1] and grid.rows[top][column] != ""
            if len(inside := [position[row] for row in range(top, bottom + 1) if row in position]) > 1
            if top in position
        ]
        if ranges:
            name = names[column - block.left]
            values = grid.column(column, rows)
            found.steps.append(_step(name, values, ranges))
            told.append(name)
            if any(isinstance(values[inside[0]], int | float) for inside in ranges):
                numbers.append(name)
    if told:
        found.notes.append(f"Merged cells are filled downwards: each row has the value of {', '.join(told[:8])}.")
    if numbers:
        found.notes.append(f"So a sum of {', '.join(numbers[:8])} counts each merged number once per row.")
    return found


def _step(name: str, values: Sequence[object], ranges: Sequence[Sequence[int]]) -> str:
    column = f"df[{quoted(name)}]"
    merged = {at for inside in ranges for at in inside[1:]}
    blank = [at for at, value in enumerate(values) if value == ""]
    kept = [at for at in blank if at not in merged]
    whole = all(isinstance(value, float) and value.is_integer() for value in values if value != "")
    integers = '.astype("int64")' if whole and not kept else ""
    if not kept:
        return f"{column} = {column}.ffill(){integers}"
    if len(ranges) > _MAX_RANGES:
        return f"{column} = {column}.ffill().where(~df.index.isin({kept}))"
    lines = [f"df.loc[{inside[0]}:{inside[-1]}, {quoted(name)}] = {column}[{inside[0]}]" for inside in ranges]
    return "\n".join(lines)
