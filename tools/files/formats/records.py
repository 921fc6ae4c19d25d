"""Lists of JSON objects as tables: texts stay texts, and large integers stay exact."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tools.files.columns import describe_columns, head_rows
from tools.files.inference.column_type import ColumnType
from tools.files.inference.conversion import arguments, literal
from tools.files.inference.infer import infer
from tools.files.inference.numbers import EXACT, INT64
from tools.files.profile import MAX_COLUMNS, Table
from tools.files.source import Decoding

MAX_RECORDS = 20_000
DIGITS = ", parse_int=str"
"""Option of `json.loads` that keeps integers as texts until their column is known."""


@dataclass(frozen=True, slots=True)
class Integers:
    """How columns with integers that floats cannot hold are read exactly, from texts of digits."""

    types: Mapping[str, str]
    """By column, for `astype`."""
    numbers: tuple[str, ...] = ()
    """Columns that have other numbers as well."""

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with these columns converted."""
        return frame.assign(**{name: pd.to_numeric(frame[name]) for name in self.numbers}).astype(dict(self.types))

    @property
    def code(self) -> str:
        """The same as Python, to be appended to an expression for a data frame."""
        listed = f"**{{c: lambda t, c=c: pd.to_numeric(t[c]) for c in {literal(list(self.numbers))}}}"
        types = f".astype({literal(dict(self.types))})" if self.types else ""
        return (f".assign({listed})" if self.numbers else "") + types


def exact_integers(records: Iterable[Mapping[str, Any]]) -> Integers | None:
    """How the integers are read exactly; None if nothing has to be done."""
    found: dict[str, list[Any]] = {}
    count = 0
    for record in records:
        count += 1
        for name, value in _flat(record):
            found.setdefault(name, []).append(value)
    whole = {name: [value for value in values if _is_integer(value)] for name, values in found.items()}
    gaps = {name for name, values in found.items() if len(values) < count or None in values}
    if not any(
        abs(value) > EXACT and (name in gaps or abs(value) > INT64) for name, each in whole.items() for value in each
    ):
        return None
    types: dict[str, str] = {}
    numbers = []
    for name, integers in whole.items():
        others = [value for value in found[name] if value is not None and not _is_integer(value)]
        if integers and not others and max(map(abs, integers)) <= INT64:
            types[name] = "Int64" if name in gaps else "int64"
        elif integers and others and all(isinstance(value, float) for value in others):
            numbers.append(name)
    return Integers(types, tuple(numbers))


def flat_table(text: str, decoding: Decoding, *, lines: bool) -> tuple[pd.DataFrame, str]:
    """`(the table of objects without objects in them, the line of Python that loads it)`, without changes of type."""
    options: dict[str, Any] = {"lines": True} if lines else {}
    options |= {"dtype": False, "precise_float": True}
    frame = pd.read_json(io.StringIO(text), **options)
    if not all(isinstance(name, str) for name in frame.columns):  # years as names would become numbers
        options["convert_axes"] = False
        frame = pd.read_json(io.StringIO(text), **options)
    return frame, f"df = pd.read_json({{name}}{arguments(options | decoding.options)})"


def is_flat(records: Iterable[Mapping[str, Any]]) -> bool:
    """Whether no object has objects in it."""
    return not any(isinstance(value, dict) for record in records for value in record.values())


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`(name, value)` as `pd.json_normalize` names them."""
    for key, value in record.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def records_table(frame: pd.DataFrame, rows: int, load: str, *, exact: bool) -> Table:
    """A list of objects as a table; nested keys are joined with dots."""
    return Table(
        columns=describe_columns(frame, _types(frame)),
        column_count=frame.shape[1],
        rows=rows,
        rows_exact=exact,
        sampled_rows=None if exact and rows == len(frame) else len(frame),
        head=head_rows(frame),
        load=load,
    )


def _types(frame: pd.DataFrame) -> Sequence[ColumnType | None]:
    columns = (frame.iloc[:, at] for at in range(min(frame.shape[1], MAX_COLUMNS)))
    return [infer(column.dropna().unique(), typed=True) if column.dtype == "str" else None for column in columns]
