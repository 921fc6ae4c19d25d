"""Tells pandas' readers of text what was decided about the columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tools.files.inference.column_type import ColumnType, NumberFormat
from tools.files.inference.conversion import Conversion, assign, conversion
from tools.files.inference.missing_values import PANDAS


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table is read."""

    options: dict[str, Any] = field(default_factory=dict)
    """Of `pd.read_csv`, which other readers of pandas share."""
    conversions: dict[str, Conversion] = field(default_factory=dict)
    """By column, to be made afterwards."""

    def convert(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame that was read with `options`, converted."""
        return frame.assign(**{name: how.apply(frame[name]) for name, how in self.conversions.items()})

    @property
    def assignments(self) -> str:
        """The conversions as Python, to be appended to the call that reads."""
        return assign(self.conversions)


def reading(columns: Mapping[str, ColumnType]) -> Reading:
    """For the columns of a text table by name; the fewest options with which pandas does what was decided."""
    decimal, thousands = _common_marks(columns)
    later = {name: how for name, one in columns.items() if (how := _afterwards(one, decimal, thousands)) is not None}
    dtype = {name: "str" if name in later else one.dtype for name, one in columns.items()}
    options: dict[str, Any] = {}
    if decimal == ",":
        options["decimal"] = ","
    if thousands:
        options["thousands"] = thousands
    if told := {name: kind for name, kind in dtype.items() if kind is not None}:
        options["dtype"] = (
            told if len(told) < len(columns) or set(told.values()) != {"str"} or len(told) == 1 else "str"
        )
    options |= _missing(columns)
    dates = {name: one.date for name, one in columns.items() if one.date is not None and name not in later}
    if dates:
        options["parse_dates"] = list(dates)
        formats = {name: date.format for name, date in dates.items() if not date.guessed}
        if formats:
            alike = len(formats) == len(dates) and len(set(formats.values())) == 1
            options["date_format"] = next(iter(formats.values())) if alike else formats
        if any(date.format == "mixed" and date.day_first for date in dates.values()):
            options["dayfirst"] = True
    return Reading(options, later)


def _common_marks(columns: Mapping[str, ColumnType]) -> tuple[str | None, str]:
    """The `(decimal, thousands)` marks of most columns that pandas can read by itself."""
    formats = [one.number for one in columns.values() if one.number is not None and one.number.plain and not one.padded]
    pairs = [(number.decimal, number.thousands) for number in formats]
    decimals = {decimal for decimal, _ in pairs}
    marks = {thousands for _, thousands in pairs} | {""}
    together = [(decimal or ("," if mark == "." else None), mark) for decimal in decimals for mark in marks]
    together = [(decimal, mark) for decimal, mark in together if decimal != mark]
    # The fewest marks that serve the most columns; sorted, so that the same table gives the same line.
    order = sorted(together, key=lambda pair: (pair[0] or "", pair[1]))
    return max(order, key=lambda pair: sum(_readable(*one, *pair) for one in pairs), default=(None, ""))


def _readable(decimal: str | None, thousands: str, common_decimal: str | None, common_thousands: str) -> bool:
    """Whether numbers with the first two marks are read right when pandas is told the other two."""
    return decimal in (None, common_decimal or ".") and thousands in ("", common_thousands)


def _afterwards(column: ColumnType, decimal: str | None, thousands: str) -> Conversion | None:
    """The conversion of a column that pandas cannot read by itself."""
    how = conversion(column)
    if how is None or column.padded:
        return how
    if column.date is not None:
        return how if column.date.utc else None
    number = column.number or NumberFormat()
    return None if number.plain and _readable(number.decimal, number.thousands, decimal, thousands) else how


def _missing(columns: Mapping[str, ColumnType]) -> dict[str, Any]:
    if not any(one.words for one in columns.values()):
        extra = {name: [mark for mark in one.missing if mark not in PANDAS] for name, one in columns.items()}
        extra = {name: marks for name, marks in extra.items() if marks}
        return {"na_values": extra} if extra else {}
    marks = {name: ["", *one.missing] for name, one in columns.items() if one.gaps}
    if all(each == [""] for each in marks.values()):
        return {"keep_default_na": False, "na_values": [""]}
    return {"keep_default_na": False, "na_values": marks}
