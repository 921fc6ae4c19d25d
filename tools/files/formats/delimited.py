"""CSV, TSV and other text tables. Large files are sampled throughout, in bounded memory and time."""

from dataclasses import dataclass, replace
from typing import Self

import pandas as pd

from tools.files.columns import describe_columns, head_rows
from tools.files.formats.text_tables.blocks import Blocks
from tools.files.formats.text_tables.dialect import Dialect, detect, lines_of
from tools.files.formats.text_tables.header import evidence
from tools.files.formats.text_tables.layout import Layout, layouts, left_out
from tools.files.formats.text_tables.regions import Records
from tools.files.formats.text_tables.table import BROKEN, TextTable, place, unreadable
from tools.files.inference.read_options import Reading
from tools.files.profile import FileUnreadable, Profile, Table, plain
from tools.files.rows import MAX_TEXT, rows_as_text
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source, codec_of, decoding_of, encoding_doubt, encoding_of, head_text

SCAN = 1_000_000
"""Characters in which every record is looked at."""
MAX_WORDS = 80
"""Characters of a cell of a table whose name does not say that it is one, on average."""
MIN_LINES = 3
"""Fewer lines are no table unless the file's name says so."""
HEAD = 250_000
"""Of longer texts, the beginning in which the table is looked for; its end is looked for at the end."""
MAX_LINE = 1 << 20
MAX_HEADER = 200_000
"""With more columns, a file is not a usable table."""


@dataclass(frozen=True, slots=True)
class Found:
    """A table of the text, and its rows as text."""

    table: TextTable
    layout: Layout
    text: str
    """From which pandas reads it."""
    others: list[str]
    """Further parts of a large text."""
    notes: list[str]

    def texts(self) -> pd.DataFrame:
        """Raises `ParserError` for rows with too many cells, and `FileUnreadable`."""
        try:
            frames = [self.table.texts(self.text)]
            frames += [self.table.texts(part, first=False) for part in self.others]
        except pd.errors.ParserError:
            raise
        except BROKEN as error:
            raise unreadable(error) from error
        if self.others and frames[0].empty:
            raise FileUnreadable("Its lines are too long; it is no table.")
        return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]

    def with_bad_rows(self) -> Self:
        """The same, where rows with too many cells are left out."""
        table = replace(self.table, place=self.table.place.with_bad_rows())
        return replace(self, table=table, notes=[*self.notes, "Rows with more cells than the header are left out."])

    def typed(self, how: Reading) -> pd.DataFrame:
        frames = [self.table.typed(self.text, how)]
        frames += [self.table.typed(part, how, first=False) for part in self.others]
        return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def profile(source: Source) -> Profile:
    encoding, blocks, dialect, found = _read(source)
    tables = [_table(one, blocks, f"table {number}" if len(found) > 1 else "") for number, one in enumerate(found, 1)]
    title = "text" if dialect.is_aligned else "TSV" if dialect.separator == "\t" else "CSV"
    sampled = tables[0].sampled_rows
    large = f"Large: statistics rest on a sample of {sampled or 0:,} rows from all over the file, and so do the types."
    return Profile(
        kind="csv",
        title=f"{title} table" if len(tables) == 1 else f"{title} with {len(tables)} tables",
        bytes=source.size,
        load=tables[0].load if len(tables) == 1 else None,
        facts={"encoding": encoding, "separator": dialect.name, "header": found[0].layout.header is not None},
        tables=tables,
        notes=[note for note in ((large if sampled else ""), encoding_doubt(source, encoding)) if note],
    )


def is_table(text: str) -> bool:
    """Whether a text without a telling name is a table: most of its lines are rows of the same width, which have names
    above values, or several cells each.
    """
    dialect = detect(text)
    records = list(dialect.rows(text))
    filled = sum(1 for row in records if any(cell.strip() for cell in row))
    if filled < MIN_LINES or dialect.separator == ":":
        return False
    rows = [
        len(table.data) + 1
        for table in layouts(records, declared=dialect.declared)
        if _is_sure(table, records, dialect)
    ]
    return sum(rows) >= 0.6 * filled


def _is_sure(table: Layout, records: Records, dialect: Dialect) -> bool:
    data = [records[at] for at in table.data]
    if len(table.names) < 2 or len(data) < MIN_LINES - 1:
        return False
    if evidence(table.raw_header, data) is True:
        return True
    if dialect.is_aligned or (len(table.names) == 2 and dialect.separator == ","):  # prose has commas and blanks
        return False
    alike = sum(len(row) == len(data[0]) for row in data) >= 0.9 * len(data)
    return alike and max(len("".join(row)) for row in data) < MAX_WORDS * len(table.names)


def sections(source: Source) -> list[Section]:
    """Fifty rows per section, each row with its column names, for the part of the file that is read."""
    writer = SectionWriter(MAX_TEXT)
    for one in _read(source)[-1]:
        rows_as_text(_texts(one)[1], one.layout.title or None, writer=writer)
    return writer.sections


def _texts(found: Found) -> tuple[Found, pd.DataFrame]:
    """`(how it was read, its texts)`; rows with too many cells may be anywhere in a long text. Raises
    `FileUnreadable`.
    """
    try:
        return found, found.texts()
    except pd.errors.ParserError:
        tolerant = found.with_bad_rows()
        try:
            return tolerant, tolerant.texts()
        except pd.errors.ParserError as error:
            raise unreadable(error) from error


def _table(found: Found, blocks: Blocks, name: str) -> Table:
    found, texts = _texts(found)
    types, how = found.table.decide(texts)
    notes = found.notes
    try:
        frame = found.typed(how)
    except BROKEN as error:
        types, how = found.table.as_texts(texts)
        frame = found.typed(how)
        notes = [*notes, f"Its values are kept as text: {plain(error, 100)}."]
    rows = len(frame) if blocks.whole else _count(found, blocks, len(frame))
    return Table(
        name=": ".join(filter(None, (name, found.layout.title))) if name else None,
        columns=describe_columns(frame, types),
        column_count=len(found.layout.names),
        rows=rows,
        rows_exact=blocks.whole,
        sampled_rows=None if blocks.whole else len(frame),
        head=head_rows(frame),
        load=found.table.load(how),
        notes=notes,
    )


def _count(found: Found, blocks: Blocks, sampled: int) -> int:
    """The number of rows of a large table, estimated if cells may contain line breaks."""
    parts = [found.text, *found.others]
    if blocks.has_byte_lines and not any('"' in part for part in parts):
        return max(sampled, blocks.line_count - found.layout.above)
    return round(blocks.source.size * sampled / sum(len(part.encode(blocks.codec, "replace")) for part in parts))


def _read(source: Source) -> tuple[str, Blocks, Dialect, list[Found]]:
    """`(encoding, the text, its dialect, the tables)`. Raises `FileUnreadable` for a file that is not a table."""
    encoding = encoding_of(source)
    if encoding is None:
        raise FileUnreadable("It is named like a table of text, but holds binary data.")
    blocks = Blocks(source, codec_of(source, encoding))
    dialect = detect(_beginning(source, encoding), tabs=source.suffix == ".tsv")
    text, others = blocks.first(), blocks.others()
    scanned = text if len(text) <= SCAN else text[: text.rfind("\n", 0, HEAD) + 1] or text
    records = list(dialect.rows(scanned))
    if not any(any(cell.strip() for cell in row) for row in records):
        raise FileUnreadable("It holds no rows.")
    if max(map(len, records[:10])) > MAX_HEADER:
        raise FileUnreadable(f"Its first line has more than {MAX_HEADER:,} cells; it is no table.")
    options = decoding_of(source, encoding).options
    complete = blocks.whole and len(scanned) == len(text)
    tables = layouts(records, declared=dialect.declared)
    if not complete:
        tables = [max(tables, key=lambda table: table.data[-1:])]
        layout, after = _with_end(tables[0], records, dialect, blocks, text)
        tables = [layout]
        if after and others:
            others[-1] = "\n".join([*lines_of(others[-1])[:-after], ""])
    found = []
    for layout in tables:
        where = place(dialect, layout, records)
        notes = [*layout.notes, *where.notes]
        found.append(Found(TextTable(dialect, where, options), layout, text, others, notes))
    return encoding, blocks, dialect, found


def _with_end(layout: Layout, records: Records, dialect: Dialect, blocks: Blocks, text: str) -> tuple[Layout, int]:
    """`(the table of a long text with what its last lines tell about its end, number of lines after it)`."""
    last = blocks.last()
    tail = list(dialect.rows(last[last.find("\n") + 1 :]))
    head = records[layout.header] if layout.header is not None else records[layout.data[0]]
    ends = layouts([head, *tail])
    last_row = ends[0].data[-1] if len(ends) == 1 and ends[0].data else len(tail)
    below = [at for at in range(last_row + 1, len(tail) + 1) if any(cell.strip() for cell in tail[at - 1])]
    if not below:
        return replace(layout, end=None), 0
    after = len(tail) + 1 - below[0]
    if blocks.whole:
        total = sum(1 for _ in dialect.rows(text))
    elif blocks.has_byte_lines and '"' not in last:
        total = blocks.line_count
    else:
        note = f"It ends with {len(below)} lines that are no data."
        return replace(layout, end=None, notes=[*layout.notes, note]), after
    skipped = [total - len(tail) + at - 1 for at in below]
    notes = [*layout.notes, *left_out([head, *tail], below, "below")]
    return replace(layout, end=None, skipped=(*layout.skipped, *skipped), notes=notes), after


def _beginning(source: Source, encoding: str) -> str:
    """The first lines; at least one that is complete."""
    text = head_text(source, encoding)
    if source.size <= len(source.head):
        return text
    lines = lines_of(text)
    if len(lines) > 1:
        return text[: -len(lines[-1])]
    with source.path.open(encoding=encoding, errors="replace", newline="") as file:
        text = file.read(MAX_LINE)
    if "\n" not in text and "\r" not in text and len(text) == MAX_LINE:
        raise FileUnreadable(f"Its first line is longer than {MAX_LINE >> 20} million characters; it is no table.")
    return text.removeprefix("\ufeff")
