"""Which rows of a table are no data: empty ones, totals, and remarks below."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isclose

from tools.files.formats.sheets.grid import BLANK, NUMBER, TEXT, Grid
from tools.files.formats.sheets.regions import Block
from tools.files.profile import plain

MAX_FOOTER = 12
"""Rows at the end of a table that may be totals or remarks."""
_TOLERANCE = 0.006
"""Sums of rounded numbers differ from the rounded sum."""
_SUMS = (
    *("total", "totals", "sum", "subtotal", "sub-total", "grand total", "summe", "gesamt", "gesamtsumme", "insgesamt"),
    *("zwischensumme", "total général", "somme", "sous-total", "totale", "somma", "suma", "total general", "totaal"),
    *("soma", "celkem", "celkový součet", "součet", "mezisoučet", "razem", "łącznie", "ogółem", "suma końcowa", "spolu"),
    *("összesen", "итого", "всего", "общий итог", "сумма", "toplam", "genel toplam", "yhteensä", "summa", "totalt"),
    *("i alt", "合计", "总计", "小计", "合計", "総計", "小計", "합계", "총계", "소계", "총합계"),
)  # fmt: skip
_MEANS = ("average", "mean", "avg", "mittelwert", "durchschnitt", "moyenne", "promedio", "průměr", "średnia", "среднее")
_IS_SUM = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(_SUMS, key=len, reverse=True)))})\s*:?", re.IGNORECASE)
_IS_MEAN = re.compile("|".join(_MEANS), re.IGNORECASE)
_MAY_SUM = re.compile(
    rf"(?:{'|'.join(map(re.escape, sorted((*_SUMS, *_MEANS), key=len, reverse=True)))})(?:\W.*)?"
    r"|.{0,80}\s(?:sub-?total|total|totals|summe|gesamt|result|ergebnis|sum|average|合計|합계|итог)\s*:?",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"(\*|†|‡|\(?\d\)|¹|²|³|(source|note|notes|nb|n\.b|quelle|hinweis|fonte|fuente|zdroj|pozn)\b.*[:.])", re.I
)
_LONG_REMARK = 40


@dataclass(frozen=True, slots=True)
class Body:
    """The rows of a sheet, counted from 0, that are data."""

    rows: list[int]
    skipped: list[int]
    """Rows between them that are none."""
    notes: list[str] = field(default_factory=list)


def find_body(grid: Grid, block: Block, start: int) -> Body:
    """`start`: the first row below the header."""
    filled = (block.of(grid.kinds) != BLANK).sum(axis=1)
    counts = {row: int(filled[row - block.top]) for row in range(start, block.bottom)}
    end, notes = block.bottom, []
    while end - 1 > start and block.bottom - end < MAX_FOOTER:
        row = end - 1
        if counts[row] and _is_remark(grid, block, row, counts):
            notes.append(f"Below it: {_text(grid, block, row)}")
        elif counts[row] and _is_total(grid, block, row, range(start, row)):
            notes.append(f"Row {row + 1} is a total ({_label(grid, block, row) or 'without a label'}) and is left out.")
        elif counts[row]:
            break
        end = row
    rows: list[int] = []
    skipped: list[int] = []
    group: list[int] = []
    like_totals = _like_totals(grid, block, range(start, end))
    for row in range(start, end):
        if not counts[row]:
            skipped.append(row)
        elif group and row in like_totals and _sums(grid, block, row, group):
            skipped.append(row)
            group = []
            notes.append(f"Row {row + 1} is a subtotal ({_label(grid, block, row)}) and is left out.")
        else:
            rows.append(row)
            group.append(row)
    return Body(rows, skipped, _bundled(notes))


def _like_totals(grid: Grid, block: Block, rows: range) -> set[int]:
    """The rows with a text that may name a total."""
    found: set[int] = set()
    for column in range(block.left, block.right):
        cells = grid.column(column, rows)
        like = {cell for cell in set(cells) if isinstance(cell, str) and _MAY_SUM.fullmatch(cell.strip())}
        if like:
            found.update(row for row, cell in zip(rows, cells, strict=True) if cell in like)
    return found


def _bundled(notes: list[str]) -> list[str]:
    subtotals = [note for note in notes if "is a subtotal" in note]
    if len(subtotals) <= 2:
        return notes
    return [
        f"{len(subtotals)} rows are subtotals and are left out.",
        *(note for note in notes if note not in subtotals),
    ]


def _text(grid: Grid, block: Block, row: int) -> str:
    return plain(
        " ".join(str(cell) for cell in grid.rows[row][block.left : block.right] if cell not in ("", None)), 150
    )


def _label(grid: Grid, block: Block, row: int) -> str:
    cells = grid.rows[row][block.left : block.right]
    return next((plain(cell) for cell in cells if isinstance(cell, str) and cell.strip()), "")


def _is_remark(grid: Grid, block: Block, row: int, counts: dict[int, int]) -> bool:
    """Whether the row is one text below a table of several columns."""
    if counts[row] != 1 or block.width < 2 or grid.kinds[row, block.left : block.right].max() != TEXT:
        return False
    text = _label(grid, block, row)
    if _IS_SUM.fullmatch(text):
        return False
    if _REMARK.match(text) or not counts.get(row - 1):
        return True
    # Where other rows have one cell too, it may be a row of data.
    alone = all(count != 1 for at, count in counts.items() if at < row)
    return alone and (len(text) >= _LONG_REMARK or (block.width > 2 and len(text.split()) > 2))


def _is_total(grid: Grid, block: Block, row: int, above: range) -> bool:
    labels = _labels(grid, block, row)
    if any(_IS_SUM.fullmatch(label) for label in labels):
        return _is_unique(grid, block, row, above) or bool(_sums(grid, block, row, above))
    if labels and not any(_MAY_SUM.fullmatch(label) for label in labels):
        return False
    if not labels and not _has_no_key(grid, block, row, above):
        return False
    return len(above) >= 2 and bool(_sums(grid, block, row, above))


def _has_no_key(grid: Grid, block: Block, row: int, above: Sequence[int]) -> bool:
    """Whether the first cell is empty, unlike those above."""
    first = grid.kinds[:, block.left]
    return bool(first[row] == BLANK) and all(first[at] != BLANK for at in above)


def _is_unique(grid: Grid, block: Block, row: int, above: range) -> bool:
    """Whether the word for the total is in no other row of its column, where it may be a category."""
    for column in range(block.left, block.right):
        cell = grid.rows[row][column]
        if isinstance(cell, str) and _IS_SUM.fullmatch(cell.strip()):
            others = sum(grid.rows[at][column] == cell for at in above)
            return others == 0
    return True


def _labels(grid: Grid, block: Block, row: int) -> list[str]:
    return [cell.strip() for cell in grid.rows[row][block.left : block.right] if isinstance(cell, str) and cell.strip()]


def _sums(grid: Grid, block: Block, row: int, above: Sequence[int]) -> bool | None:
    """Whether the numbers of the row are sums of those above, or means if it says so; None if it has no numbers."""
    told = []
    mean = any(_IS_MEAN.match(label) for label in _labels(grid, block, row))
    for column in range(block.left, block.right):
        cell = grid.rows[row][column]
        if grid.kinds[row, column] != NUMBER or isinstance(cell, str):
            continue
        values = [grid.rows[at][column] for at in above if isinstance(grid.rows[at][column], int | float)]
        if not values or isinstance(cell, bool):
            continue
        wanted = sum(values) / len(values) if mean else sum(values)
        told.append(isclose(cell, wanted, rel_tol=1e-9, abs_tol=_TOLERANCE))
    return all(told) and bool(told) if told else None
