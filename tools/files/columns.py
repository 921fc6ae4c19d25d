"""Describes the columns of a data frame: types, ranges, missing values, examples."""

import math
import warnings
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from tools.files.inference.column_type import ColumnType
from tools.files.profile import HEAD_ROWS, MAX_COLUMNS, Column, ValueKind, plain, plain_all

EXAMPLES = 8
_LOOKED_AT = 2000
"""Number of values of a column of objects whose types are looked at."""
MAX_WHY = 120


def describe_columns(frame: pd.DataFrame, types: Sequence[ColumnType | None] = ()) -> list[Column]:
    """The first `MAX_COLUMNS` columns, with what was decided about them. Never raises because of cell contents."""
    width = min(MAX_COLUMNS, frame.shape[1])
    decided = [*types, *[None] * width]
    return [_column(frame.columns[at], frame.iloc[:, at], decided[at]) for at in range(width)]


def head_rows(frame: pd.DataFrame, rows: int = HEAD_ROWS) -> list[list[str]]:
    """The first rows as text; missing cells are empty."""
    part = frame.iloc[:rows, :MAX_COLUMNS]
    return [[_shown(cell) for cell in row] for row in part.astype(object).to_numpy().tolist()]


def _column(name: object, series: "pd.Series[Any]", decided: ColumnType | None) -> Column:
    present = series.dropna()
    kind = _kind(series, present) if decided is None else decided.kind
    low, high, mean = _range(present, kind)
    distinct, examples = _examples(present)
    return Column(
        name=column_name(name),
        dtype=plain(series.dtype),
        kind=kind,
        missing=int(len(series) - len(present)),
        distinct=distinct,
        minimum=low,
        maximum=high,
        mean=mean,
        examples=examples,
        why=plain(decided.why, MAX_WHY) if decided else "",
        doubt=plain(decided.doubt, MAX_WHY) if decided else "",
    )


def column_name(name: object) -> str:
    """In a header with several rows, a column's name is a tuple."""
    return plain(name, 80)


def _kind(series: "pd.Series[Any]", present: "pd.Series[Any]") -> ValueKind:
    if present.empty:
        return "empty"
    if pd.api.types.is_bool_dtype(series.dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(series.dtype):
        return "integer"
    if pd.api.types.is_numeric_dtype(series.dtype):
        return "integer" if _whole(present) else "number"
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return "date"
    return _object_kind(present)


def _object_kind(present: "pd.Series[Any]") -> ValueKind:
    values = present.iloc[:_LOOKED_AT].tolist()
    kinds = {_value_kind(value) for value in values}
    if kinds == {"integer", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _value_kind(value: object) -> ValueKind:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | np.integer):
        return "integer"
    if isinstance(value, date | datetime):
        return "date"
    if isinstance(value, dict | list | tuple | set | np.ndarray):
        return "nested"
    return "number" if isinstance(value, float | np.floating) or hasattr(value, "quantize") else "mixed"


def _whole(present: "pd.Series[Any]") -> bool:
    """pandas stores integers with missing values as floats; a person would still call them integers."""
    if not pd.api.types.is_float_dtype(present.dtype):
        return False
    values = present.to_numpy(dtype=float, na_value=math.nan)
    return bool(np.isfinite(values).all() and (values == np.trunc(values)).all())


def _range(present: "pd.Series[Any]", kind: ValueKind) -> tuple[str | None, str | None, float | None]:
    """`(minimum, maximum, mean)`: numbers and dates have a range, numbers a mean."""
    if kind not in ("integer", "number", "date"):
        return None, None, None
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            low, high = present.min(), present.max()
            mean = float(present.mean()) if kind != "date" else None
    except (TypeError, ValueError, OverflowError):  # values that cannot be compared
        return None, None, None
    return _shown(low), _shown(high), mean if mean is not None and math.isfinite(mean) else None


def _examples(present: "pd.Series[Any]") -> tuple[int | None, list[str]]:
    """`(number of distinct values, some of them)`."""
    try:
        counts = present.value_counts()
    except (TypeError, ValueError, OverflowError, NotImplementedError):  # lists and dicts are not counted
        return None, [_shown(value) for value in present.iloc[:3]]
    frequent = counts.index[:EXAMPLES] if len(counts) <= 50 else present.drop_duplicates().iloc[:EXAMPLES]
    return len(counts), [_shown(value) for value in frequent]


def _shown(value: object) -> str:
    if isinstance(value, pd.Timestamp | datetime):
        text = value.isoformat(sep=" ")
        return plain(text.removesuffix(" 00:00:00"))
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else f"{float(value):.10g}"
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, np.ndarray):
        value = plain_all(value.flat[:10])
    return plain(value)
