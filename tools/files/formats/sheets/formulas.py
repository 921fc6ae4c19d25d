"""Formulas without results: what is told about them."""

from collections.abc import Mapping

from tools.files.formats.sheets.found import Found
from tools.files.profile import plain

_MAX_TOLD = 6


def notes(found: Found, uncalculated: Mapping[tuple[int, int], str], failure: str | None) -> list[str]:
    """`failure`: why the formulas could not be calculated; None if they were."""
    block, first = found.block, dict[str, str]()
    for (row, column), formula in sorted(uncalculated.items()):
        if block.left <= column < block.right and block.top <= row < block.bottom:
            name = found.names[column - block.left]
            first[name] = first.get(name) or formula
    if not first:
        return []
    told = plain("; ".join(f"{name}: {formula}" for name, formula in list(first.items())[:_MAX_TOLD]), 300)
    if failure is None:
        return [f"Its formulas were never calculated; the load line calculates them ({told})."]
    return [f"Columns with formulas that were never calculated, so that cells are empty or 0 ({told}). {failure}"]
