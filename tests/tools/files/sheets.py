"""What the load lines of spreadsheets give."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from tools.files.profile import Profile, Table
from tools.files.registry import profile


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
