"""Which rows of a table are no data: empty ones, totals, and remarks below."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import fsum, isclose, isfinite

from tools.files.formats.sheets.grid import BLANK, TEXT, Grid, shown
from tools.files.formats.sheets.regions import Block
from tools.files.profile import plain
from tools.files.totals import is_total_label

MAX_FOOTER = 12
"""Rows at the end of a table that may be totals or remarks."""
_TOLERANCE = 0.006
"""Sums of rounded numbers differ from the rounded sum."""
_MEANS = ("average", "avg", "mean", "durchschnitt", "mittelwert", "moyenne", "promedio", "media", "média", "gemiddelde")
_NEED_PROOF = ("media", "mean", "median", "overall", "sum", "som", "suma")
"""Words for totals and means that are also other words."""
_REMARK = re.compile(
    r"(\*|†|‡|\(?\d\)|¹|²|³|(source|note|notes|nb|n\.b|quelle|hinweis|fonte|fuente|zdroj|pozn)\b.*[:.])", re.I
)
_SUM_FORMULA = re.compile(r"=\s*(SUM|SUBTOTAL|AVERAGE)\(", re.IGNORECASE)
_LONG_REMARK = 40
_LONGEST_NUMBER = 30


@dataclass(frozen=True, slots=True)
class Body:
    """The rows of a sheet, counted from 0, that are data."""

    rows: list[int]
    skipped: list[int]
    """Rows between them that are none."""
    notes: list[str] = field(default_factory=list)


def find_body(grid: Grid, block: Block, start: int, header: int | None) -> Body:
    """`start`: the first row below the header, whose last row is `header`."""
    filled = (block.of(grid.kinds) != BLANK).sum(axis=1)
    counts = {row: int(filled[row - block.top]) for row in range(start, block.bottom)}
    again = _repetitions(grid, block, header, counts)
    for row in again:
        del counts[row]
    rows, subtotals = _without_subtotals(grid, block, counts)
    footer: list[int] = []
    notes: list[str] = []
    while len(rows) > 1 and len(footer) < MAX_FOOTER:
        row, above = rows[-1], rows[:-1]
        if _is_remark(grid, block, row, counts):
            notes.append(f"Below it: {_text(grid, block, row)}")
        elif _is_total(grid, block, row, above):
            notes.append(f"Row {row + 1} is a total ({_label(grid, block, row) or 'without a label'}) and is left out.")
        else:
            break
        footer.append(rows.pop())
    if len(rows) > 2 and _may_name_total(_label(grid, block, rows[0])) and _adds_up(grid, block, rows[0], rows[1:]):
        notes.append(f"Row {rows[0] + 1} is a total ({_label(grid, block, rows[0])}) and is left out.")
        del rows[0]
    kept = set(rows)
    skipped = [row for row in range(start, rows[-1] if rows else start) if row not in kept]
    if again:
        times = "once" if len(again) == 1 else f"{len(again)} times"
        notes.append(f"The header is repeated {times}, which is left out.")
    return Body(rows, skipped, [*notes, *_told(grid, block, subtotals)])


def _repetitions(grid: Grid, block: Block, header: int | None, counts: dict[int, int]) -> list[int]:
    """The rows that are the same as the header."""
    if header is None or block.width < 2:
        return []
    names = grid.rows[header][block.left : block.right]
    return [row for row in counts if grid.rows[row][block.left : block.right] == names]


def _without_subtotals(grid: Grid, block: Block, counts: dict[int, int]) -> tuple[list[int], list[int]]:
    """`(rows that are not empty, subtotals)`: rows that say so and have the sums of those since the last one."""
    rows: list[int] = []
    subtotals: list[int] = []
    group: list[int] = []
    named = _named_totals(grid, block, list(counts))
    for row, count in counts.items():
        if group and row in named and _adds_up(grid, block, row, group):
            subtotals.append(row)
            group = []
        elif count:
            rows.append(row)
            group.append(row)
    if len(subtotals) == 1 and not group:  # it is the total of everything
        rows.append(subtotals.pop())
    return rows, subtotals


def _told(grid: Grid, block: Block, subtotals: list[int]) -> list[str]:
    if len(subtotals) > 2:
        return [f"{len(subtotals)} rows with totals are left out, such as row {subtotals[0] + 1}."]
    return [f"Row {row + 1} is a total ({_label(grid, block, row)}) and is left out." for row in subtotals]


def _named_totals(grid: Grid, block: Block, rows: list[int]) -> set[int]:
    """The rows whose first text may name a total."""
    found: set[int] = set()
    for column in range(block.left, block.right):
        cells = grid.column(column, rows)
        like = {cell for cell in set(cells) if isinstance(cell, str) and _may_name_total(cell)}
        if like:
            found.update(row for row, cell in zip(rows, cells, strict=True) if cell in like)
    return {row for row in found if _may_name_total(_label(grid, block, row))}


def _text(grid: Grid, block: Block, row: int) -> str:
    cells = grid.rows[row][block.left : block.right]
    return plain(" ".join(shown(cell) for cell in cells if cell not in ("", None)), 150)


def _label(grid: Grid, block: Block, row: int) -> str:
    cells = grid.rows[row][block.left : block.right]
    return next((plain(cell) for cell in cells if isinstance(cell, str) and cell.strip()), "")


def _is_remark(grid: Grid, block: Block, row: int, counts: dict[int, int]) -> bool:
    """Whether the row is one text below a table of several columns."""
    if counts[row] != 1 or block.width < 2 or grid.kinds[row, block.left : block.right].max() != TEXT:
        return False
    text = _label(grid, block, row)
    if _may_name_total(text):
        return False
    if _REMARK.match(text) or not counts.get(row - 1):
        return True
    # Where other rows have one cell too, it may be a row of data.
    alone = all(count != 1 for at, count in counts.items() if at < row)
    return alone and (len(text) >= _LONG_REMARK or (block.width > 2 and len(text.split()) > 2))


def _may_name_total(label: str) -> bool:
    """Whether the text begins or ends with a word for a total: `Total 2024`, `North Total`."""
    return is_total_label(label) or is_total_label(label.rstrip(" :").rpartition(" ")[2])


def _is_total(grid: Grid, block: Block, row: int, above: Sequence[int]) -> bool:
    """By a word for it that no other row has, or because the numbers are the sums or means of those above."""
    label = _label(grid, block, row)
    named = _may_name_total(label)
    if named and len(label.split()) == 1 and label.rstrip(":").lower() not in _NEED_PROOF:
        cells = (grid.rows[at][column] for at in above for column in range(block.left, block.right))
        if not any(isinstance(cell, str) and cell.strip() == label for cell in cells):
            return True  # elsewhere it may be a category
    if not named and (label or not _has_no_key(grid, block, row, above)):
        return False
    if _has_sum_formulas(grid, block, row):
        return True
    return len(above) >= 2 and _adds_up(grid, block, row, above)


def _has_sum_formulas(grid: Grid, block: Block, row: int) -> bool:
    """Whether formulas that were not calculated sum up cells."""
    formulas = (grid.marks.uncalculated.get((row, column), "") for column in range(block.left, block.right))
    return any(_SUM_FORMULA.match(formula) for formula in formulas)


def _has_no_key(grid: Grid, block: Block, row: int, above: Sequence[int]) -> bool:
    """Whether the first cell is empty, unlike those above."""
    first = grid.kinds[:, block.left]
    return bool(first[row] == BLANK) and all(first[at] != BLANK for at in above)


def _adds_up(grid: Grid, block: Block, row: int, above: Sequence[int]) -> bool:
    """Whether the row has numbers, and all are sums of those above, or means if it says so."""
    checked = []
    mean = _label(grid, block, row).lower().startswith(_MEANS)
    for column in range(block.left, block.right):
        cell = _number(grid.rows[row][column])
        values = [value for at in above if (value := _number(grid.rows[at][column])) is not None]
        if cell is not None and values:
            wanted = fsum(values) / len(values) if mean else fsum(values)
            checked.append(isclose(cell, wanted, rel_tol=1e-9, abs_tol=_TOLERANCE))
    return bool(checked) and all(checked)


def _number(cell: object) -> float | None:
    """Also of a plain number that is stored as text."""
    if isinstance(cell, str):
        try:
            cell = float(cell.replace(",", "")) if len(cell) <= _LONGEST_NUMBER else None
        except ValueError:
            return None
    return float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) and isfinite(cell) else None
