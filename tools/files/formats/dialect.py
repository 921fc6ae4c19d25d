"""Detects how a text is divided into cells: encoding, separator, header."""

import csv
import re
from dataclasses import dataclass

from tools.files.profile import FileUnreadable
from tools.files.source import Source, encoding_of, head_text

MAX_LINE = 1 << 20
MAX_HEADER = 200_000
"""With more columns, a file is not a usable table."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?")
_SEPARATORS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the text is divided into cells."""

    encoding: str
    codec: str
    """The encoding for the middle of the file: without a byte order mark, in the byte order that it indicates."""
    separator: str
    header: list[str] | None
    """None if the first line is data."""
    width: int

    @property
    def has_byte_lines(self) -> bool:
        """Whether each line break is the single byte 10."""
        return not self.encoding.startswith(("utf-16", "utf-32"))


def dialect_of(source: Source) -> Dialect:
    """Raises `FileUnreadable` for a file that is not a table."""
    encoding = encoding_of(source)
    if encoding is None:
        raise FileUnreadable("It is named like a table of text, but holds binary data.")
    text = head_text(source, encoding)
    if "\n" not in text and "\r" not in text and source.size > len(source.head):
        text = _first_line(source, encoding)
    lines = text.splitlines()
    if source.size > len(source.head) and len(lines) > 1:
        lines = lines[:-1]
    separator = _separator(lines[:50], source.suffix)
    rows = [row for row in _rows(lines[:200], separator) if row]
    if not rows:
        raise FileUnreadable("It holds no rows.")
    width = len(rows[0])
    if width > MAX_HEADER:
        raise FileUnreadable(f"Its first line has more than {MAX_HEADER:,} cells; it is no table.")
    return Dialect(encoding, _codec(source, encoding), separator, rows[0] if _has_header(rows) else None, width)


def _first_line(source: Source, encoding: str) -> str:
    with source.path.open(encoding=encoding, errors="replace", newline="") as file:
        text = file.read(MAX_LINE)
    if "\n" not in text and "\r" not in text and len(text) == MAX_LINE:
        raise FileUnreadable(f"Its first line is longer than {MAX_LINE >> 20} million characters; it is no table.")
    return text.removeprefix("\ufeff")


def _separator(lines: list[str], suffix: str) -> str:
    """The separator that divides most lines into the same number of cells, more than one."""
    if suffix == ".tsv" and any("\t" in line for line in lines):
        return "\t"
    best, separator = (0, 0), ","
    for candidate in _SEPARATORS:
        widths = [len(row) for row in _rows(lines, candidate) if row]
        if widths and widths[0] > 1:
            alike = sum(width == widths[0] for width in widths)
            if (score := (round(20 * alike / len(widths)), min(widths[0], 50))) > best:
                best, separator = score, candidate
    return separator


def _rows(lines: list[str], separator: str) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = csv.reader(lines, delimiter=separator)
    try:
        for row in reader:
            rows.append(row)  # noqa: PERF402 (what precedes an error is kept)
    except csv.Error:
        pass
    return rows


def _has_header(rows: list[list[str]]) -> bool:
    """False if the first line has a number where the others have numbers, and nothing else in such a place."""
    first, others = rows[0], rows[1:50]
    if not others:
        return not all(_NUMBER.fullmatch(cell.strip()) for cell in first)
    numeric = [
        at
        for at in range(min(len(first), 200))
        if all(at < len(row) and _NUMBER.fullmatch(row[at].strip()) for row in others)
    ]
    return not numeric or not all(_NUMBER.fullmatch(first[at].strip()) for at in numeric)


def _codec(source: Source, encoding: str) -> str:
    if encoding in ("utf-16", "utf-32"):
        return f"{encoding}-{'be' if source.head[0] in (0xFE, 0x00) else 'le'}"
    return encoding.removesuffix("-sig")
