"""One table of a text: where it is, and how pandas is told to read it."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pandas as pd

from tools.files.formats.text_tables.dialect import Dialect
from tools.files.formats.text_tables.layout import Layout
from tools.files.formats.text_tables.regions import Records
from tools.files.inference.column_type import ColumnType
from tools.files.inference.conversion import arguments
from tools.files.inference.infer import Habits, infer_columns
from tools.files.inference.read_options import Reading, reading
from tools.files.profile import MAX_COLUMNS, FileUnreadable, plain
from tools.files.rows import unique_names

BROKEN = (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Place:
    """Options of pandas for where the table is in the text."""

    names: tuple[str, ...]
    """Of all columns that are read."""
    columns: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    """Beginning with the text's first line."""
    bad_rows: int = 0
    """Rows with more cells than there are names, which are skipped."""

    def with_bad_rows(self) -> Self:
        """The same, where rows with more cells are skipped."""
        return replace(self, options={**self.options, "on_bad_lines": "skip"})

    @property
    def cut(self) -> bool:
        """Whether the options leave out empty columns."""
        return "usecols" in self.options

    @property
    def notes(self) -> list[str]:
        if not self.bad_rows:
            return []
        rows = f"{self.bad_rows} row" + ("s have" if self.bad_rows > 1 else " has")
        return [f"{rows} more cells than the header; {'the last ones are' if self.cut else 'such rows are'} left out."]


def place(dialect: Dialect, layout: Layout, records: Records) -> Place:
    """Where `layout` is among the records."""
    options: dict[str, Any] = {}
    top = layout.header if layout.header is not None else layout.data[0]
    if any(at > top for at in layout.skipped):
        options["skiprows"] = list(layout.skipped)
    elif layout.skipped:
        options["skiprows"] = top
    names, raw = layout.names, [cell.lstrip() if dialect.skip_space else cell for cell in layout.raw_header]
    native = unique_names([*raw, *[""] * (layout.width - len(raw))])
    wide = len(names) > MAX_COLUMNS
    if layout.header is None:
        names = [str(at) for at in layout.columns] if wide else names
        options |= {"header": None} if wide else {"header": None, "names": names}
    elif wide or len(raw) < layout.width:
        options |= {} if wide else {"header": 0, "names": names}
        names = [native[at] for at in layout.columns] if wide else names
    elif [native[at] for at in layout.columns] != names:
        options |= {"header": 0, "names": names}
    longer = [row for at in layout.data if len(row := records[at]) > layout.width]
    bad = sum(any(cell.strip() for cell in row[layout.width :]) for row in longer)
    contiguous = layout.columns == tuple(range(layout.width))
    cut = len(longer) > bad or len(raw) > layout.width or not contiguous
    if cut:
        options["usecols"] = range(layout.width) if contiguous else list(layout.columns)
    elif bad:
        options["on_bad_lines"] = "skip"
    if layout.end is not None:
        options["nrows"] = len(layout.data) - (0 if cut else bad)
    return Place(tuple(names), layout.columns, options, bad)


@dataclass(frozen=True, slots=True)
class TextTable:
    """How a table is read: first with texts alone to decide what its columns mean, then as decided."""

    dialect: Dialect
    place: Place
    encoding: Mapping[str, Any] = field(default_factory=dict)
    """Options of pandas for the encoding of the file."""

    def texts(self, text: str, *, first: bool = True) -> pd.DataFrame:
        """The described columns as text. Blocks after the first have no header. Raises `FileUnreadable`."""
        return self._read(text, {"dtype": object, "na_filter": False}, first=first)

    def decide(self, texts: pd.DataFrame) -> tuple[list[ColumnType], Reading]:
        """What the columns mean, and how pandas is told."""
        habits = Habits(decimal="," if self.dialect.separator == ";" else None)
        types = infer_columns([texts.iloc[:, at].unique().tolist() for at in range(texts.shape[1])], habits)
        return types, reading(dict(zip(self.place.names, types, strict=False)))

    def as_texts(self, texts: pd.DataFrame) -> tuple[list[ColumnType], Reading]:
        """The decision to leave everything as it is."""
        plain_text = {"dtype": "str", "keep_default_na": False, "na_values": [""]}
        return [ColumnType("text")] * texts.shape[1], Reading(plain_text)

    def typed(self, text: str, how: Reading, *, first: bool = True) -> pd.DataFrame:
        """The described columns as decided. Raises ValueError if a value does not fit the decision."""
        return how.convert(self._read(text, how.options, first=first))

    def load(self, how: Reading) -> str:
        """The line of Python that reads it all."""
        options = {**self.dialect.options, **self.encoding, **self.place.options, **how.options}
        return f"df = pd.{self.dialect.reader}({{name}}{arguments(options)}){how.assignments}"

    def _read(self, text: str, options: Mapping[str, Any], *, first: bool) -> pd.DataFrame:
        where: dict[str, Any] = {"header": None, "names": list(self.place.names)}
        if first:
            where = dict(self.place.options)
        if not first and self.place.cut:
            where["usecols"] = list(self.place.columns)
        if len(self.place.names) > MAX_COLUMNS:
            where["usecols"] = list(self.place.columns[:MAX_COLUMNS])
            if "names" in where:
                where["names"] = where["names"][:MAX_COLUMNS]
        if not first and "on_bad_lines" in self.place.options:
            where["on_bad_lines"] = "skip"
        read: Callable[..., pd.DataFrame] = pd.read_fwf if self.dialect.spans else pd.read_csv
        fast = {} if "engine" in self.dialect.options or self.dialect.spans else {"low_memory": False}
        return read(io.BytesIO(text.encode()), **self.dialect.options, **where, **options, **fast)


def unreadable(error: Exception) -> FileUnreadable:
    """What a user is told about an error of pandas."""
    return FileUnreadable(f"It cannot be read as a table: {plain(error, 200).rstrip('.')}.")
