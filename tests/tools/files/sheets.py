"""Workbooks for tests, and what their load lines give."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import openpyxl
import pandas as pd
from openpyxl.worksheet.worksheet import Worksheet

from tools.files.profile import Profile, Table
from tools.files.registry import profile

Rows: TypeAlias = list[list[Any]]


def workbook(*sheets: Callable[[Worksheet], None] | Rows, **properties: Any) -> bytes:
    """A workbook whose sheets have these rows, or are filled by these functions."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for key, value in properties.items():
        setattr(book, key, value)
    for at, fill in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet{at + 1}")
        if callable(fill):
            fill(sheet)
        else:
            add(sheet, *fill)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def add(sheet: Worksheet, *rows: Sequence[Any]) -> None:
    for row in rows:
        sheet.append(list(row))


class Analysis:
    """The profile of a file, and each of its tables loaded as it says."""

    def __init__(self, path: Path) -> None:
        self.profile: Profile = profile(path)
        self.tables: list[Table] = [table for table in self.profile.tables if table.load]
        self.frames: list[pd.DataFrame] = [_loaded(path, table) for table in self.tables]

    @property
    def table(self) -> Table:
        (table,) = self.tables
        return table

    @property
    def frame(self) -> pd.DataFrame:
        (frame,) = self.frames
        return frame

    @property
    def notes(self) -> str:
        """All that is told to a reader."""
        return "\n".join([*self.profile.notes, *(note for table in self.tables for note in table.notes)])

    def column(self, name: str) -> Any:
        return next(column for column in self.table.columns if column.name == name)


def analysis(folder: Path, data: bytes, name: str = "book.xlsx") -> Analysis:
    path = folder / name
    path.write_bytes(data)
    return Analysis(path)


def _loaded(path: Path, table: Table) -> pd.DataFrame:
    """Runs the load line as a kernel does; the profile has to describe exactly what it gives."""
    assert table.load is not None
    names: dict[str, Any] = {"pd": pd}
    exec(table.load.replace("{name}", json.dumps(str(path))), names)
    frame: pd.DataFrame = names["df"]
    assert [str(name) for name in frame.columns[:100]] == [column.name for column in table.columns]
    assert [str(dtype) for dtype in frame.dtypes[:100]] == [column.dtype for column in table.columns]
    assert [int(count) for count in frame.isna().sum()[:100]] == [column.missing for column in table.columns]
    if table.rows_exact:
        assert len(frame) == table.rows
    return frame
