"""Formulas without results: what is told about them."""

from collections.abc import Sequence

from tools.files.formats.sheets.grid import Grid
from tools.files.formats.sheets.regions import Block
from tools.files.profile import plain

_MAX_TOLD = 6


def notes(grid: Grid, block: Block, names: Sequence[str], failure: str | None) -> list[str]:
    """`failure`: why the formulas could not be calculated; None if they were."""
    first: dict[str, str] = {}
    for (row, column), formula in sorted(grid.marks.uncalculated.items()):
        if block.left <= column < block.right and block.top <= row < block.bottom:
            name = names[column - block.left]
            first[name] = first.get(name) or formula
    if not first:
        return []
    told = plain("; ".join(f"{name}: {formula}" for name, formula in list(first.items())[:_MAX_TOLD]), 300)
    if failure is None:
        return [f"Its formulas were never calculated; the load line calculates them ({told})."]
    return [f"These columns hold formulas that were never calculated, so their cells are empty ({told}). {failure}"]
