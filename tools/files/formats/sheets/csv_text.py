"""Tables that are loaded by way of CSV: of HTML, and of workbooks in XML."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tools.files.formats.sheets.grid import Grid, Marks, Row
from tools.files.formats.sheets.parts import Part, parts
from tools.files.formats.sheets.table import Origin


def assigned(setup: Sequence[str], path: Path) -> str:
    """The `text` that the lines of Python assign."""
    names: dict[str, Any] = {"pd": pd}
    exec("\n".join(setup).replace("{name}", repr(str(path))), names)  # noqa: S102 (what a program will run)
    text: str = names["text"]
    return text


def _rows_of(text: str) -> list[Row]:
    """All of the same length."""
    rows: list[Row] = list(csv.reader(io.StringIO(text)))
    width = max(map(len, rows), default=0)
    for row in rows:
        row.extend([""] * (width - len(row)))
    return rows


def csv_parts(
    text: str, setup: Sequence[str], name: str | None, marks: Marks, *, hidden: bool = False
) -> Iterator[Part]:
    """`setup`: lines of Python that assign `text`."""
    rows = _rows_of(text)
    origin = Origin(
        "pd.read_csv",
        "io.StringIO(text)",
        {"skip_blank_lines": False},
        lambda: io.StringIO(text),
        is_workbook=False,
        setup=setup,
    )
    yield from parts(Grid(name or "", rows, hidden, marks, rows_claimed=len(rows)), origin, name)
