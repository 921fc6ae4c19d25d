"""Turns a column of texts into what was decided: as a function, and as the same in a line of Python."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from keyword import iskeyword
from typing import Any, Literal

import pandas as pd

from tools.files.inference.column_type import DASHES, ColumnType, NumberFormat

_NEGATIVE = r"^\((.*)\)$|^([^-].*)-$", r"-\1\2"


@dataclass(frozen=True, slots=True)
class Conversion:
    """Replacements in each text, then a change of type."""

    into: Literal["text", "number", "date"]
    replacements: tuple[tuple[str, str, bool], ...] = ()
    """`(text or pattern, its replacement, whether it is a pattern)`."""
    strip: bool = False
    format: str = ""
    """Of dates."""
    utc: bool = False
    day_first: bool = False

    def apply(self, column: "pd.Series[Any]") -> "pd.Series[Any]":
        """The converted column. Raises ValueError if a text does not fit."""
        column = column.astype("str")
        if self.strip:
            column = column.str.strip()
        for old, new, is_pattern in self.replacements:
            column = column.str.replace(old, new, regex=is_pattern)
        if self.into == "number":
            return pd.to_numeric(column)
        return pd.to_datetime(column, **self._date_options()) if self.into == "date" else column

    def code(self, column: str) -> str:
        """The same as an expression, where `column` is the expression for the column of texts."""
        if self.strip:
            column += ".str.strip()"
        for old, new, is_pattern in self.replacements:
            written = _raw if is_pattern else quoted
            column += f".str.replace({written(old)}, {written(new)}{', regex=True' if is_pattern else ''})"
        if self.into == "number":
            return f"pd.to_numeric({column})"
        return f"pd.to_datetime({column}{arguments(self._date_options())})" if self.into == "date" else column

    def _date_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"format": self.format}
        return options | ({"dayfirst": True} if self.day_first else {}) | ({"utc": True} if self.utc else {})


def conversion(column: ColumnType) -> Conversion | None:
    """What makes of the texts of the column, without its missing values, what was decided; None for nothing."""
    if column.number is not None:
        return Conversion("number", _replacements(column.number), strip=column.padded)
    if column.date is not None:
        mixed = column.date.format == "mixed" and bool(column.date.day_first)
        return Conversion("date", (), column.padded, column.date.format, column.date.utc, mixed)
    return Conversion("text", strip=True) if column.padded and column.kind in ("text", "time") else None


def assign(conversions: Mapping[str, Conversion]) -> str:
    """`.assign(…)` for these columns, to be appended to an expression for a data frame."""
    code = ""
    ordered = sorted(conversions.items(), key=lambda item: repr(item[1]))
    for one, group in groupby(ordered, key=lambda item: item[1]):
        code += assignment([name for name, _ in group], one.code)
    return code


def assignment(names: Sequence[str], code: Callable[[str], str]) -> str:
    """`.assign(…)` with the same change of each of these columns; `code` makes an expression from that for a column."""
    if len(names) > 1:
        return f".assign(**{{c: lambda t, c=c: {code('t[c]')} for c in {literal(list(names))}}})"
    (name,) = names
    changed = code(f"t[{quoted(name)}]")
    is_word = name.isidentifier() and name.isascii() and not iskeyword(name)
    return f".assign({name}=lambda t: {changed})" if is_word else f".assign(**{{{quoted(name)}: lambda t: {changed}}})"


def arguments(options: Mapping[str, Any]) -> str:
    """The options of a call as Python, each preceded by a comma."""
    return "".join(f", {key}={literal(value)}" for key, value in options.items())


def quoted(text: str) -> str:
    """`text` as a Python literal in double quotes, with invisible characters escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def literal(value: Any) -> str:
    """`value` as Python; texts in double quotes."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(key)}: {literal(part)}' for key, part in value.items())}}}"
    if isinstance(value, range) and not value.start:
        return f"range({value.stop})"
    return repr(value)


def _raw(pattern: str) -> str:
    return f'r"{pattern}"' if "\\" in pattern and pattern.isprintable() and '"' not in pattern else quoted(pattern)


def _replacements(number: NumberFormat) -> tuple[tuple[str, str, bool], ...]:
    steps: list[tuple[str, str, bool]] = []
    if number.dashes:
        steps.append((f"[{DASHES}]", "-", True))
    pointed = [re.escape(symbol) for symbol in number.currency if "." in symbol]
    kept = r"\d" + (number.decimal or "") + ("()" if number.behind else "") + ("eE+" if number.exponent else "") + "-"
    steps.append(("|".join([*pointed, f"[^{kept}]"]), "", True))
    if number.behind:
        steps.append((*_NEGATIVE, True))
    if number.decimal == ",":
        steps.append((",", ".", False))
    return tuple(steps)
