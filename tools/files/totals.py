"""Finds the rows of a table that sum up others, which a sum over the column would count twice."""

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from tools.files.inference.conversion import conversion
from tools.files.inference.infer import infer

Row = Sequence[str]
MAX_BOTTOM = 4
"""Rows with totals at the end of a table."""
_LABELS = frozenset(
    (
        *(
            "total",
            "totals",
            "total general",
            "grand total",
            "sum",
            "sums",
            "subtotal",
            "sub-total",
            "sub total",
            "overall",
        ),
        *(
            "average",
            "avg",
            "mean",
            "median",
            "summe",
            "gesamt",
            "gesamtsumme",
            "insgesamt",
            "endsumme",
            "zwischensumme",
        ),
        *(
            "durchschnitt",
            "mittelwert",
            "somme",
            "total général",
            "sous-total",
            "moyenne",
            "totale",
            "subtotale",
            "somma",
        ),
        *(
            "totale generale",
            "media",
            "suma",
            "promedio",
            "soma",
            "média",
            "totaal",
            "subtotaal",
            "gemiddelde",
            "summa",
        ),
        *(
            "totalt",
            "i alt",
            "ialt",
            "sammanlagt",
            "yhteensä",
            "razem",
            "ogółem",
            "łącznie",
            "celkem",
            "součet",
            "spolu",
        ),
        *(
            "összesen",
            "ukupno",
            "skupaj",
            "toplam",
            "genel toplam",
            "итого",
            "всего",
            "разом",
            "усього",
            "общо",
            "σύνολο",
        ),
        *("kopā", "iš viso", "kokku", "jumlah", "tổng", "tổng cộng", "รวม", "المجموع", "الإجمالي", 'סה"כ', "סך הכל"),
        *("合计", "总计", "小计", "合計", "総計", "小計", "總計", "计", "計", "합계", "총계", "소계", "총합"),
    )
)


def is_total_label(cell: object) -> bool:
    """Whether a cell says that its row is a total: `Total`, `Summe:`, `Total 2024`."""
    if not isinstance(cell, str):
        return False
    text = " ".join(cell.strip(" :=.*\u00a0\t").lower().split())
    first, _, rest = text.partition(" ")
    return text in _LABELS or (first in _LABELS and 0 < len(rest) <= 20)


def total_rows(rows: Sequence[Row]) -> list[int]:
    """The positions of totals: at the end, and subtotals in between if there are totals at the end as well."""
    end = len(rows)
    while end > max(2, len(rows) - MAX_BOTTOM) and _is_labelled_total(rows, end - 1):
        end -= 1
    found = list(range(end, len(rows)))
    if not found:
        return [end - 1] if end > 3 and _is_bare_total(rows[: end - 1], rows[-1]) else []
    labels = [at for at in range(end) if is_total_label(_first_text(rows[at])) and _is_sparse(rows, at)]
    return [*(labels if 2 * len(labels) < end else []), *found]


def _is_labelled_total(rows: Sequence[Row], at: int) -> bool:
    """With a label, and with empty cells or the sums or averages of the others."""
    if not is_total_label(_first_text(rows[at])):
        return False
    if _is_sparse(rows, at):
        return True
    others = [row for row in rows[:at] if not is_total_label(_first_text(row))]
    return _has_sums(others, rows[at])


def _is_bare_total(rows: Sequence[Row], last: Row) -> bool:
    """Without a label: only sums, and nothing where the others have names."""
    filled = [at for at, cell in enumerate(last) if cell.strip()]
    return bool(filled) and filled[0] > 0 and len(filled) < len(last) and _has_sums(rows, last)


def _first_text(row: Row) -> str:
    return next((cell for cell in row if cell.strip()), "")


def _is_sparse(rows: Sequence[Row], at: int) -> bool:
    """Whether cells are empty that other rows have, or the row has nothing but the label and numbers."""
    row = rows[at]
    others = [other for other in rows[max(0, at - 20) : at + 5] if other is not row]
    usual = [sum(1 for other in others if column < len(other) and other[column].strip()) for column in range(len(row))]
    gaps = [column for column, cell in enumerate(row) if not cell.strip() and usual[column] > len(others) / 2]
    return bool(gaps) or max(map(len, others), default=0) > len(row)


def _has_sums(rows: Sequence[Row], last: Row) -> bool:
    """Whether every number of a row is the sum or the average of its column, and there is one."""
    checked = [
        _is_sum_or_mean([row[at] for row in rows if at < len(row)], cell)
        for at, cell in enumerate(last)
        if cell.strip() and infer([cell]).number is not None
    ]
    return bool(checked) and all(checked)


def _is_sum_or_mean(column: Iterable[str], last: str) -> bool:
    found = infer([*column, last])
    how = conversion(found)
    if how is None or found.number is None:
        return False
    cells = [None if cell in found.missing or not cell.strip() else cell for cell in [*column, last]]
    *values, total = how.apply(pd.Series(cells, dtype="str")).tolist()
    numbers = [value for value in values if not math.isnan(value)]
    added = math.fsum(numbers)
    expected = (added, added / max(1, len(numbers)))
    return any(math.isclose(value, total, rel_tol=1e-4, abs_tol=0.01) for value in expected)
