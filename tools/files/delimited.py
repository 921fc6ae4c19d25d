"""CSV, TSV and their kin. Large files are sampled from all over, in bounded memory and time."""

import csv
import io
import re
from dataclasses import dataclass

import pandas as pd

from tools.files.columns import date_columns, describe_columns, has_decimal_commas, has_thousands, head_rows
from tools.files.profile import MAX_COLUMNS, FileUnreadable, Profile, Table, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source, encoding_of, head_text

WHOLE_BYTES = 16 << 20
"""A file of at most this size is read as a whole."""
FIRST_BYTES = 4 << 20
BLOCKS, BLOCK_BYTES = 12, 512 << 10
"""Of a larger one its beginning is read, and so many blocks spread over the rest."""
MAX_LINE = 1 << 20
MAX_HEADER = 200_000
"""Columns; beyond it a file is no table that anybody could use."""
SECTION_ROWS = 50
MAX_TEXT = 2_000_000
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?")
_SEPARATORS = ",;\t|"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the text falls into cells."""

    encoding: str
    separator: str
    header: list[str] | None
    """None when the first line is data."""
    width: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that were read, and how many there are."""

    frame: pd.DataFrame
    rows: int
    exact: bool
    skipped: bool
    """Lines with more cells than the header were passed over."""


def profile(source: Source) -> Profile:
    dialect = _dialect(source)
    sample = _sample(source, dialect)
    frame = sample.frame
    columns = describe_columns(frame)
    whole = source.size <= WHOLE_BYTES
    notes = ["The first line is data: there are no column names."] if dialect.header is None else []
    if sample.skipped:
        notes.append("Some lines have more cells than the header; add on_bad_lines='skip'.")
    table = Table(
        columns=columns,
        column_count=dialect.width,
        rows=sample.rows,
        rows_exact=sample.exact,
        sampled_rows=None if whole else len(frame),
        head=head_rows(frame),
        load=_load(frame, dialect, date_columns(columns)),
        notes=notes,
    )
    separator = {"\t": "tab"}.get(dialect.separator, dialect.separator)
    return Profile(
        kind="csv",
        title="TSV table" if dialect.separator == "\t" else "CSV table",
        bytes=source.size,
        load=table.load,
        facts={"encoding": dialect.encoding, "separator": separator, "header": dialect.header is not None},
        tables=[table],
        notes=[] if whole else [f"Large: statistics rest on a sample of {len(frame):,} rows from all over the file."],
    )


def sections(source: Source) -> list[Section]:
    """Fifty rows a section, each row with its column names, for what is read of the file."""
    dialect = _dialect(source)
    frame = _sample(source, dialect).frame
    return rows_as_text(frame)


def rows_as_text(frame: pd.DataFrame, heading: str | None = None, limit: int = MAX_TEXT) -> list[Section]:
    """`column: value, column: value` a row, `SECTION_ROWS` rows a section."""
    writer = SectionWriter(limit)
    names = [plain(name) for name in frame.columns[:MAX_COLUMNS]]
    for start in range(0, len(frame), SECTION_ROWS):
        if writer.full:
            break
        lines = []
        for row in head_rows(frame.iloc[start : start + SECTION_ROWS], SECTION_ROWS):
            lines.append(", ".join(f"{name}: {cell}" for name, cell in zip(names, row, strict=True) if cell))
        writer.add("\n".join(lines), heading=heading)
    return writer.sections


def _dialect(source: Source) -> Dialect:
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
    return Dialect(encoding, separator, rows[0] if _has_header(rows) else None, width)


def _first_line(source: Source, encoding: str) -> str:
    with source.path.open(encoding=encoding, errors="replace", newline="") as file:
        text = file.read(MAX_LINE)
    if "\n" not in text and "\r" not in text and len(text) == MAX_LINE:
        raise FileUnreadable(f"Its first line is longer than {MAX_LINE >> 20} million characters; it is no table.")
    return text.removeprefix("\ufeff")


def _separator(lines: list[str], suffix: str) -> str:
    """The one that cuts most lines into the same number of cells, more than one."""
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
    """No, when the first line has a number where the others have numbers, and nowhere anything else there."""
    first, others = rows[0], rows[1:50]
    if not others:
        return not all(_NUMBER.fullmatch(cell.strip()) for cell in first)
    numeric = [
        at
        for at in range(min(len(first), 200))
        if all(at < len(row) and _NUMBER.fullmatch(row[at].strip()) for row in others)
    ]
    return not numeric or not all(_NUMBER.fullmatch(first[at].strip()) for at in numeric)


def _sample(source: Source, dialect: Dialect) -> Sample:
    if source.size <= WHOLE_BYTES:
        with source.path.open("rb") as file:
            data = file.read()
        frame = _parse(data, dialect, first=True)
        expected = _parse_count(data, dialect)
        return Sample(frame, len(frame), exact=True, skipped=expected > len(frame))
    return _sample_of_large(source, dialect)


def _parse_count(data: bytes, dialect: Dialect) -> int:
    """Lines that are not blank, less the header, when no cell holds a line break; else nothing is said."""
    if b'"' in data or not _has_byte_lines(dialect.encoding):
        return 0
    lines = sum(1 for line in io.BytesIO(data) if line.strip())
    return lines - (dialect.header is not None)


def _sample_of_large(source: Source, dialect: Dialect) -> Sample:
    blocks = [_cut(source, 0, FIRST_BYTES, dialect.encoding)]
    step = (source.size - FIRST_BYTES - BLOCK_BYTES) // (BLOCKS - 1)
    blocks += [_cut(source, FIRST_BYTES + step * at, BLOCK_BYTES, dialect.encoding) for at in range(BLOCKS)]
    frames = [_parse(block, dialect, first=at == 0) for at, block in enumerate(blocks) if block]
    if len(frames[0]) == 0:
        raise FileUnreadable("Its lines are too long; it is no table.")
    frame = pd.concat([part for part in frames if len(part)], ignore_index=True)
    per_row = sum(map(len, blocks)) / max(1, len(frame))
    rows = round(source.size / per_row)
    if _has_byte_lines(dialect.encoding) and not any(b'"' in block for block in blocks):
        rows = max(len(frame), _count_lines(source) - (dialect.header is not None))
        return Sample(frame, rows, exact=True, skipped=False)
    return Sample(frame, rows, exact=False, skipped=False)


def _cut(source: Source, start: int, length: int, encoding: str) -> bytes:
    """Whole lines from about `start` on; empty when there is no line break where one should be."""
    mark = "\n".encode(
        encoding.removesuffix("-sig") if encoding.startswith("utf-8") else _without_mark(source, encoding)
    )
    width = len(mark)
    with source.path.open("rb") as file:
        file.seek(start - start % width)
        data = file.read(length - length % width)
    begin = 0 if start == 0 else _find(data, mark, width)
    end = _find_last(data, mark, width)
    if begin < 0 or end <= begin:
        return b""
    return data[begin + (width if start else 0) : end + width]


def _find(data: bytes, mark: bytes, width: int) -> int:
    at = data.find(mark)
    while at >= 0 and at % width:
        at = data.find(mark, at + 1)
    return at


def _find_last(data: bytes, mark: bytes, width: int) -> int:
    at = data.rfind(mark)
    while at >= 0 and at % width:
        at = data.rfind(mark, 0, at + width - 1)
    return at


def _without_mark(source: Source, encoding: str) -> str:
    """UTF-16 and UTF-32 with the byte order that the mark at the file's start tells."""
    if encoding in ("utf-16", "utf-32"):
        return f"{encoding}-{'be' if source.head[0] in (0xFE, 0x00) else 'le'}"
    return encoding


def _has_byte_lines(encoding: str) -> bool:
    return not encoding.startswith(("utf-16", "utf-32"))


def _count_lines(source: Source) -> int:
    count, last = 0, b"\n"
    with source.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            count += chunk.count(b"\n")
            last = chunk[-1:]
    return count + (last != b"\n")


def _parse(data: bytes, dialect: Dialect, *, first: bool) -> pd.DataFrame:
    """Raises `FileUnreadable`. Blocks after the first have no header of their own."""
    names = dialect.header if not first else None
    width = min(dialect.width, MAX_COLUMNS)
    text = data.decode(dialect.encoding, errors="replace").removeprefix("\ufeff")
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=dialect.separator,
            header=0 if first and dialect.header is not None else None,
            names=_unique(names)[:width] if names else None,
            usecols=range(width),
            on_bad_lines="skip",
            low_memory=False,
            index_col=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        if not first:
            return pd.DataFrame()
        raise FileUnreadable(f"It cannot be read as a table: {plain(error, 200)}") from error
    return frame


def _unique(names: list[str]) -> list[str]:
    """As pandas names repeated and empty columns."""
    seen: dict[str, int] = {}
    unique = []
    for at, name in enumerate(names):
        wanted = name or f"Unnamed: {at}"
        count = seen.get(wanted, 0)
        seen[wanted] = count + 1
        unique.append(f"{wanted}.{count}" if count else wanted)
    return unique


def _load(frame: pd.DataFrame, dialect: Dialect, dates: list[str]) -> str:
    options = []
    if dialect.separator != ",":
        options.append(f"sep={dialect.separator!r}".replace("'", '"'))
    if dialect.encoding not in ("utf-8", "utf-8-sig"):
        options.append(f'encoding="{dialect.encoding}"')
    if dialect.header is None:
        options.append("header=None")
    if dialect.separator != "," and has_decimal_commas(frame):
        options.append('decimal=","')
    elif has_thousands(frame):
        options.append('thousands=","')
    if dates and dialect.header is not None and len(dates) <= 4:
        options.append("parse_dates=[" + ", ".join(f'"{name}"' for name in dates if '"' not in name) + "]")
    return "df = pd.read_csv({name}" + "".join(f", {option}" for option in options) + ")"
