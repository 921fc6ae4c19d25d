"""CSV, TSV and similar. Large files are sampled throughout, in bounded memory and time."""

import io
from dataclasses import dataclass

import pandas as pd

from tools.files.columns import date_columns, describe_columns, has_decimal_commas, has_thousands, head_rows
from tools.files.formats.dialect import Dialect, dialect_of
from tools.files.profile import MAX_COLUMNS, FileUnreadable, Profile, Table, plain
from tools.files.rows import ends_with_total, rows_as_text, unique_names
from tools.files.sections import Section
from tools.files.source import Source

WHOLE_BYTES = 16 << 20
"""Files up to this size are read completely."""
FIRST_BYTES = 4 << 20
BLOCKS, BLOCK_BYTES = 12, 512 << 10
"""Of a larger file, the beginning is read, and this many blocks spread over the rest."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that were read, and the total number of rows."""

    frame: pd.DataFrame
    rows: int
    exact: bool
    skipped: bool
    """Lines with more cells than the header were skipped."""


def profile(source: Source) -> Profile:
    dialect = dialect_of(source)
    sample = _sample(source, dialect)
    frame = sample.frame
    columns = describe_columns(frame)
    whole = source.size <= WHOLE_BYTES
    notes = ["The first line is data: there are no column names."] if dialect.header is None else []
    if whole and ends_with_total(frame):
        notes.append("The last row looks like a total; leave it out of sums.")
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
    """Fifty rows per section, each row with its column names, for the part of the file that is read."""
    dialect = dialect_of(source)
    frame = _sample(source, dialect).frame
    return rows_as_text(frame)


def _sample(source: Source, dialect: Dialect) -> Sample:
    if source.size <= WHOLE_BYTES:
        with source.path.open("rb") as file:
            data = file.read()
        frame = _parse(data, dialect, first=True)
        expected = _parse_count(data, dialect)
        return Sample(frame, len(frame), exact=True, skipped=expected > len(frame))
    return _sample_of_large(source, dialect)


def _parse_count(data: bytes, dialect: Dialect) -> int:
    """Number of non-blank lines without the header, if no cell contains a line break; otherwise None."""
    if b'"' in data or not dialect.has_byte_lines:
        return 0
    lines = sum(1 for line in io.BytesIO(data) if line.strip())
    return lines - (dialect.header is not None)


def _sample_of_large(source: Source, dialect: Dialect) -> Sample:
    blocks = [_cut(source, 0, FIRST_BYTES, dialect.codec)]
    step = (source.size - FIRST_BYTES - BLOCK_BYTES) // (BLOCKS - 1)
    blocks += [_cut(source, FIRST_BYTES + step * at, BLOCK_BYTES, dialect.codec) for at in range(BLOCKS)]
    frames = [_parse(block, dialect, first=at == 0) for at, block in enumerate(blocks) if block]
    if len(frames[0]) == 0:
        raise FileUnreadable("Its lines are too long; it is no table.")
    frame = pd.concat([part for part in frames if len(part)], ignore_index=True)
    if dialect.has_byte_lines and not any(b'"' in block for block in blocks):
        rows = max(len(frame), _count_lines(source) - (dialect.header is not None))
    else:  # a cell may contain a line break
        rows = round(source.size * len(frame) / sum(map(len, blocks)))
    return Sample(frame, rows, exact=False, skipped=False)


def _cut(source: Source, start: int, length: int, codec: str) -> bytes:
    """Whole lines from about `start` on; empty if there is no line break where one should be."""
    mark = "\n".encode(codec)
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


def _count_lines(source: Source) -> int:
    count, last = 0, b"\n"
    with source.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            count += chunk.count(b"\n")
            last = chunk[-1:]
    return count + (last != b"\n")


def _parse(data: bytes, dialect: Dialect, *, first: bool) -> pd.DataFrame:
    """Raises `FileUnreadable`. Blocks after the first have no header."""
    names = dialect.header if not first else None
    width = min(dialect.width, MAX_COLUMNS)
    text = data.decode(dialect.codec, errors="replace").removeprefix("\ufeff")
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=dialect.separator,
            header=0 if first and dialect.header is not None else None,
            names=unique_names(names)[:width] if names else None,
            usecols=range(width),
            on_bad_lines="skip",
            low_memory=False,
            index_col=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        if not first:
            return pd.DataFrame()
        raise FileUnreadable(f"It cannot be read as a table: {plain(error, 200).rstrip('.')}.") from error
    return frame


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
