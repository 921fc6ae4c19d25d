"""Decides what the columns of a table mean: `infer_columns` for all columns, `infer` for one.

The input is every cell of a column, as text or as a value; None and NaN are missing. If the cells are a sample, the
caller has to tell the reader. `conversion.py` and `read_options.py` tell pandas what was decided.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from typing import Any

from tools.files.inference.column_type import ColumnType, Decimal
from tools.files.inference.dates import Dates, are_times, dates, orders_differ
from tools.files.inference.missing_values import PANDAS, WORDS, is_certain, is_mark
from tools.files.inference.numbers import EXACT, INT64, Numbers, looks_numeric, numbers
from tools.files.profile import ValueKind

_BOOLEANS = frozenset(("true", "false", "True", "False", "TRUE", "FALSE"))
_PROBE = 64
"""Cells that may show at once that a column is no number and no date."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How the rest of the table is written, which decides what a column leaves open."""

    decimal: Decimal | None = None
    day_first: bool | None = None


def infer_columns(columns: Sequence[Sequence[object]], habits: Habits = Habits()) -> list[ColumnType]:
    """The type of each column; those that are clear decide about those that are ambiguous.

    Args:
        columns: the cells of each column.
        habits: what is known from elsewhere, such as decimal commas because of semicolons between the cells.
    """
    found = [infer(cells, habits) for cells in columns]
    shown = _shown_by(found, habits)
    if shown == habits:
        return found
    return [infer(cells, shown) if one.doubt else one for one, cells in zip(found, columns, strict=True)]


def infer(cells: Iterable[object], habits: Habits = Habits(), *, typed: bool = False) -> ColumnType:
    """The type of one column. Never fails because of what the cells are. `typed`: whether the source has types of its
    own (JSON), so that texts stay texts.
    """
    values = list(cells)
    present = [value for value in values if not _is_missing(value)]
    gaps = len(present) < len(values)
    if all(isinstance(value, str) for value in present):
        raw = {str(value) for value in present}
        return _of_typed_texts(raw, gaps=gaps) if typed else _of_texts(raw, habits, gaps=gaps)
    return _of_values(present, gaps=gaps)


def _shown_by(types: Sequence[ColumnType], habits: Habits) -> Habits:
    """The habits that columns without doubt show, as far as they agree; else those given."""
    shown = habits_of(types)
    decimal = habits.decimal if shown.decimal is None else shown.decimal
    day_first = habits.day_first if shown.day_first is None else shown.day_first
    if day_first is None and decimal == ",":  # nobody who writes decimal commas writes the month first
        day_first = True
    return Habits(decimal, day_first)


def habits_of(types: Sequence[ColumnType]) -> Habits:
    """The habits on which the columns without doubt agree."""
    sure = [one for one in types if not one.doubt]
    decimals = {number.decimal_mark for one in sure if (number := one.number) is not None and number.decimal_mark}
    orders = {one.date.day_first for one in sure if one.date is not None and one.date.day_first is not None}
    return Habits(
        decimals.pop() if len(decimals) == 1 else None,
        orders.pop() if len(orders) == 1 else None,
    )


def _is_missing(value: object) -> bool:
    return (
        value is None
        or value == ""
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__
        in (
            "NaTType",
            "NAType",
        )
    )


def _of_typed_texts(raw: set[str], *, gaps: bool) -> ColumnType:
    """Texts stay texts, whatever they look like; that they look like something is worth a word."""
    if not raw:
        return ColumnType("empty", gaps=gaps)
    why = "digits kept as text" if all(looks_numeric(text) for text in raw) else ""
    if not why and dates(raw, None) is not None:
        why = "dates kept as text"
    return ColumnType("text", why, gaps=gaps, digits=bool(why))


def _of_texts(raw: set[str], habits: Habits, *, gaps: bool) -> ColumnType:
    texts = {text.strip() for text in raw}
    padded = any(text != text.strip() != "" for text in raw)
    texts.discard("")
    marks = {text for text in texts if is_mark(text)}
    rest = texts - marks
    words = {text for text in marks if text in WORDS}
    if len(words) <= len(rest) and rest and (shaped := _shaped(rest, habits, words)) is not None:
        kind, options = shaped
        missing = _as_written(raw, marks)
        if options.get("number") is not None:  # pandas itself ignores ordinary blanks around numbers
            padded = any(text.strip(" \t") != text.strip() for text in raw)
        return ColumnType(kind, missing=missing, padded=padded, gaps=gaps or bool(missing), **options)
    certain = {text for text in marks if is_certain(text)}
    missing = _as_written(raw, certain)
    gaps = gaps or bool(missing)
    if texts == certain:
        return ColumnType("empty", missing=missing, gaps=gaps)
    return ColumnType(
        "text",
        doubt=_doubt_about_text(rest, marks - certain),
        missing=missing,
        words=tuple(sorted(marks & PANDAS - certain)),
        digits=any(looks_numeric(text) for text in texts) or texts <= _BOOLEANS,
        padded=padded,
        gaps=gaps,
    )


def _as_written(raw: set[str], marks: set[str]) -> tuple[str, ...]:
    """The cells with these marks or with blanks alone, exactly as in the file."""
    return tuple(sorted(text for text in raw if text.strip() in marks or not text.strip()))


def _shaped(texts: set[str], habits: Habits, words: set[str]) -> tuple[ValueKind, dict[str, Any]] | None:
    """`(kind, other fields)` if all texts are numbers, dates, times or booleans. `words`: the other texts."""
    if texts <= _BOOLEANS and len(words) < len(texts):
        return "boolean", {}
    probe = list(islice(texts, _PROBE))
    if (numbers(probe, None) is not None) and (found := numbers(texts, habits.decimal)) is not None:
        compact = dates(texts, None) if found.integers and all(len(text) == 8 for text in probe) else None
        return _of_dates(compact) if compact is not None else _of_numbers(found)
    if dates(probe, None) is not None and (told := dates(texts, habits.day_first)) is not None:
        return _of_dates(told)
    if are_times(texts):
        return "time", {"why": "times of day as text"}
    return None


def _of_numbers(found: Numbers) -> tuple[ValueKind, dict[str, Any]]:
    if found.code:
        return "text", {"why": found.code, "digits": True}
    kind: ValueKind = "integer" if found.integers else "number"
    assumed = "thousands" if found.format.thousands and not found.format.decimal else "decimals"
    doubt = f"{found.ambiguous} is ambiguous; taken as {assumed}" if found.ambiguous else ""
    return kind, {"why": found.format.summary, "doubt": doubt, "number": found.format, "wide": found.wide}


def _of_dates(found: Dates) -> tuple[ValueKind, dict[str, Any]]:
    order = "day first" if found.format.day_first else "month first"
    doubt = f"{found.ambiguous} is ambiguous; taken as {order}" if found.ambiguous else ""
    doubt = doubt or ("years of two digits are taken as 1969 to 2068" if found.distant else "")
    return "date", {"why": found.format.summary, "doubt": doubt, "date": found.format}


def _doubt_about_text(rest: set[str], marks: set[str]) -> str:
    if orders_differ(rest):
        return "some dates have the day first, others the month; kept as text"
    if rest and all(numbers({text}, None) is not None for text in islice(rest, _PROBE)) and _has_currencies(rest):
        return "amounts in several currencies; kept as text"
    if rest and numbers(list(islice(rest, _PROBE)), None) is None and _mostly_numbers(rest):
        odd = sorted(text for text in rest if numbers({text}, None) is None)[:3]
        return f"numbers, except for {', '.join(map(repr, odd))}; kept as text"
    words = sorted(marks & PANDAS)
    return f"{', '.join(map(repr, words))} kept as text, not as missing" if words else ""


def _has_currencies(texts: set[str]) -> bool:
    found = [number for text in islice(texts, _PROBE) if (number := numbers({text}, None)) is not None]
    return len({number.format.currency for number in found}) > 1


def _mostly_numbers(texts: set[str]) -> bool:
    sample = list(islice(texts, 500))
    return len(sample) > 5 and sum(looks_numeric(text) for text in sample) >= 0.8 * len(sample)


def _of_values(present: list[Any], *, gaps: bool) -> ColumnType:
    """A column of a source with types: whole numbers, dates and so on, maybe with texts among them."""
    kinds = {_kind_of(value) for value in present}
    texts = {value for value in present if isinstance(value, str)}
    if kinds - {"text"} <= {"integer", "number"} and texts and all(is_mark(text.strip()) for text in texts):
        kinds.discard("text")
        missing = tuple(sorted(texts))
        return ColumnType(_one_of(kinds), missing=missing, gaps=True, wide=_wide(present))
    kind = _one_of(kinds)
    if kind == "integer" and any(abs(value) > INT64 for value in present):
        return ColumnType("text", "integers beyond 64 bits", gaps=gaps, digits=True)
    return ColumnType(kind, gaps=gaps, wide=kind == "integer" and _wide(present))


def _one_of(kinds: set[ValueKind]) -> ValueKind:
    if kinds == {"integer", "number"}:
        return "number"
    return next(iter(kinds)) if len(kinds) == 1 else "mixed"


def _kind_of(value: object) -> ValueKind:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return "boolean"
    if isinstance(value, int) or hasattr(value, "__index__"):
        return "integer"
    if isinstance(value, date | datetime):
        return "date"
    if isinstance(value, time):
        return "time"
    if isinstance(value, dict | list | tuple | set):
        return "nested"
    return "number" if isinstance(value, float) or hasattr(value, "as_integer_ratio") else "mixed"


def _wide(present: Iterable[Any]) -> bool:
    return any(abs(value) > EXACT for value in present if isinstance(value, int))
