"""The description of a file: plain data, produced by the handlers, the same for every format.

Its content comes from an untrusted file, so `plain` limits and cleans each text.
"""

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tools.workers.jobs import JobError

DAMAGE = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError),
    *(OSError, RuntimeError, SyntaxError, TypeError, ValueError),
    *(struct.error, zlib.error, zipfile.BadZipFile),
)
"""What libraries raise for files that are damaged or malicious. MemoryError is not included."""

Fact: TypeAlias = str | int | float | bool | list[str] | None
"""Plain JSON; floats are finite."""
ValueKind = Literal["integer", "number", "date", "time", "boolean", "text", "empty", "nested", "mixed"]

MAX_COLUMNS = 100
"""Maximum number of described columns; wider tables report how many they have."""
MAX_CELL = 60
MAX_PREVIEW = 2000
HEAD_ROWS = 5
_LINE_BREAKS = "\n\t"


class FileUnreadable(JobError):  # noqa: N818 (reads as what it says)
    """A file that cannot be read; the message explains why to a user."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    dtype: str
    """The pandas type."""
    kind: ValueKind
    missing: int = 0
    distinct: int | None = None
    minimum: str | None = None
    maximum: str | None = None
    mean: float | None = None
    examples: list[str] = field(default_factory=list)
    """Distinct values, the most frequent first if there are few."""
    why: str = ""
    """What was decided about the column, in a clause: `codes with leading zeros`."""
    doubt: str = ""
    """What is ambiguous about it, and the assumption that was made."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns: a CSV file, a sheet, a table on a page."""

    columns: list[Column]
    column_count: int
    rows: int
    rows_exact: bool = True
    sampled_rows: int | None = None
    """Number of rows that the statistics are based on; None if all."""
    name: str | None = None
    head: list[list[str]] = field(default_factory=list)
    load: str | None = None
    """One line of Python that loads it; `{name}` is replaced with the quoted file name."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Profile:
    """A handler's description of a file."""

    kind: str
    """The registry's name of the format: `csv`, `xlsx`, `pdf`, …"""
    title: str
    """The format in plain words: `Excel workbook`."""
    bytes: int
    load: str | None = None
    """Like `Table.load`."""
    facts: dict[str, Fact] = field(default_factory=dict)
    """Other format-specific information: pages, encoding, author, size in pixels."""
    tables: list[Table] = field(default_factory=list)
    structure: list[str] = field(default_factory=list)
    """An outline: the structure of nested data, headings, slides, members of an archive."""
    preview: str = ""
    """The beginning of the text."""
    notes: list[str] = field(default_factory=list)
    """What a reader has to know: sampled, truncated, partly damaged."""
    scanned: list[int] = field(default_factory=list)
    """Pages among the first whose text is in a picture, counted from 1."""


def plain(value: object, limit: int = MAX_CELL, *, keep: str = "") -> str:
    """`value` as one line of text without control, direction or private characters, at most `limit` long.

    `keep` lists characters that are kept although they are not printable, such as line breaks.
    """
    raw = str(value)[: limit * 4 + 100]
    text = "".join(c if c.isprintable() or c in keep else " " for c in raw if not _hidden(c))
    if not keep:
        text = " ".join(text.split())
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "…"


def passage(text: str, limit: int = MAX_PREVIEW) -> str:
    """The first `limit` characters of a text, with its line breaks."""
    return plain(text.replace("\r\n", "\n").replace("\r", "\n"), limit, keep=_LINE_BREAKS).strip("\n")


def plain_all(values: Iterable[object], limit: int = MAX_CELL) -> list[str]:
    return [plain(value, limit) for value in values]


def _hidden(character: str) -> bool:
    """Invisible characters, and those that change how others are displayed: direction marks, zero width, half
    surrogates.
    """
    return unicodedata.category(character) in ("Cf", "Cs", "Co") and character != "\u200d"
