"""A table written in any locale and any dialect is read back with its values, and is what the description says."""

import csv
import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tools.files.test_text_tables import agrees, loaded
from tools.files.registry import profile

WORDS = ("Größe", "naïve", "Ångström", "stół", "plain", "New York", "x,y;z", 'say "hi"', "two\nlines", "a|b", "-")


@dataclass(frozen=True, slots=True)
class Locale:
    """How numbers and dates are written."""

    decimal: str
    thousands: str
    day: str

    def number(self, value: float) -> str:
        whole, _, part = f"{value:,.2f}".partition(".")
        return whole.replace(",", self.thousands) + self.decimal + part


LOCALES = [
    Locale(".", "", "%Y-%m-%d"),
    Locale(".", ",", "%m/%d/%Y"),
    Locale(",", ".", "%d.%m.%Y"),
    Locale(",", " ", "%d/%m/%Y"),
    Locale(",", "\u202f", "%d/%m/%Y"),
    Locale(".", "'", "%d.%m.%Y"),
    Locale(",", "", "%d-%m-%Y"),
]
DIALECTS: list[dict[str, Any]] = [
    *({"delimiter": mark, "quoting": quoting} for mark in ",;\t|" for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    {"delimiter": ";", "lineterminator": "\r\n"},
]
UNAMBIGUOUS_DAYS = (date(2021, 12, 31), date(1999, 1, 13))
"""At least these are in each table, so that its order shows."""


def cells(kind: str, locale: Locale) -> st.SearchStrategy[tuple[Any, str]]:
    """`(the value, how it is written)`."""
    numbers = st.integers(-(10**9), 10**9).map(lambda cents: cents / 100)
    made: dict[str, st.SearchStrategy[tuple[Any, str]]] = {
        "word": st.sampled_from(WORDS).map(lambda word: (word, word)),
        "code": st.integers(0, 99_999).map(lambda code: (f"0{code:05}", f"0{code:05}")),
        "whole": st.integers(-(10**6), 10**6).map(lambda whole: (float(whole), str(whole))),
        "long": st.integers(10**18, 9 * 10**18).map(lambda whole: (whole, str(whole))),
        "number": numbers.map(lambda value: (value, locale.number(value))),
        "percent": st.integers(0, 10_000).map(lambda cents: (cents / 100, locale.number(cents / 100) + " %")),
        "money": st.integers(0, 10**9).map(lambda cents: (cents / 100, "€ " + locale.number(cents / 100))),
        "day": st.dates(date(1970, 1, 1), date(2060, 1, 1)).map(lambda day: (day, day.strftime(locale.day))),
    }
    return made[kind]


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, dict[str, list[Any]]]:
    """`(the text, its values by column)`; None is a missing value."""
    locale, dialect = draw(st.sampled_from(LOCALES)), draw(st.sampled_from(DIALECTS))
    kinds = draw(st.lists(st.sampled_from(["code", "whole", "long", "number", "percent", "money", "day"]), min_size=1))
    rows = draw(st.integers(4, 12))
    columns: dict[str, list[tuple[Any, str]]] = {}
    for at, kind in enumerate(["word", *kinds[:5]]):
        written = draw(st.lists(cells(kind, locale), min_size=rows, max_size=rows))
        written[:2] = [(day, day.strftime(locale.day)) for day in UNAMBIGUOUS_DAYS] if kind == "day" else written[:2]
        if kind == "number":
            written[:2] = [(value, locale.number(value)) for value in (-1234567.5, 0.25)]
        if kind not in ("word", "day", "number"):
            gaps = draw(st.sets(st.integers(2, rows - 1), max_size=2))
            written = [(None, "") if place in gaps else cell for place, cell in enumerate(written)]
        columns[f"{kind} {at}"] = written
    out = io.StringIO()
    writer = csv.writer(out, **dialect)
    preamble = draw(st.sampled_from(["", "Report of the month\n\n", "# made by a machine\n"]))
    writer.writerow(columns)
    writer.writerows(zip(*([text for _, text in column] for column in columns.values()), strict=True))
    return preamble + out.getvalue(), {name: [value for value, _ in column] for name, column in columns.items()}


def plain(values: Sequence[Any]) -> list[Any]:
    """Values of pandas as those that were written."""
    convert: Callable[[Any], Any] = lambda value: value.date() if isinstance(value, pd.Timestamp) else value  # noqa: E731
    return [None if pd.isna(value) else convert(value) for value in values]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_was_written_is_read(table: tuple[str, dict[str, list[Any]]], encoding: str) -> None:
    text, values = table
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(text.encode(encoding))
        (found,) = profile(path).tables
        frame = loaded(path, found)
    agrees(frame, found)
    assert {name: plain(frame[name].tolist()) for name in frame} == values
