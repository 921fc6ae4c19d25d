"""Divides the records of a text into tables and what stands between them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tools.files.formats.text_tables.header import LOOKED_AT, Columns, evidence
from tools.files.profile import plain
from tools.files.totals import is_total_label

Records = Sequence[Sequence[str]]
_RULE = re.compile(r"[-=+_|:.*~ ]{3,}")
_COMMENT = ("#", "//", "%", "!")


@dataclass(slots=True)
class Part:
    """Consecutive records that look like rows of one table."""

    records: list[int]
    width: int
    blank_before: bool


class TextRecords:
    """The records with what their shape tells."""

    def __init__(self, records: Records) -> None:
        self.records = records
        shapes = [_shape(row) for row in records]
        self.filled = [filled for filled, _ in shapes]
        self.ends = [end for _, end in shapes]
        widths = Counter(end for end, filled in zip(self.ends, self.filled, strict=True) if filled > 1)
        self.width = max(widths.items(), key=lambda item: (item[1], item[0]))[0] if widths else 1

    def is_blank(self, at: int) -> bool:
        return self.filled[at] == 0

    def is_junk(self, at: int) -> bool:
        """Rules, comments, and lines without a separator where rows have some."""
        row = self.records[at]
        whole = "" if row and row[0][:1].isalnum() else "".join(row).strip()
        if whole and _RULE.fullmatch(whole) and not any(c.isalnum() for c in whole):
            return len(row) == 1 or all(_RULE.fullmatch(cell.strip()) for cell in row if cell.strip())
        return self.filled[at] == 1 and self.width > 1 and (len(row) == 1 or self.ends[at] == 1)

    def title_above(self, at: int) -> str:
        """The nearest line with a single cell above a record, up to the record before it."""
        for above in range(at - 1, -1, -1):
            if self.filled[above]:
                cells = [cell.strip() for cell in self.records[above] if cell.strip()]
                return plain(cells[0], 80) if len(cells) == 1 else ""
        return ""

    def is_comment(self, at: int) -> bool:
        return bool(self.records[at]) and self.records[at][0].lstrip().startswith(_COMMENT)


def _shape(row: Sequence[str]) -> tuple[int, int]:
    """`(number of cells that are not blank, number of cells up to the last one of these)`."""
    if all(map(str.strip, row)):
        return len(row), len(row)
    places = [at for at, cell in enumerate(row, 1) if cell.strip()]
    return len(places), places[-1] if places else 0


def parts_of(text: TextRecords, start: int) -> list[Part]:
    comments = [at for at in range(start, len(text.records)) if text.is_comment(at)]
    hidden = set(comments) if len(comments) < len(text.records) / 2 else set()
    parts: list[Part] = []
    current: list[int] = []
    blank = False
    for at in range(start, len(text.records)):
        if text.is_blank(at) or at in hidden or text.is_junk(at):
            if current:
                parts.append(_part(text, current, blank=blank))
                current, blank = [], False
            blank = blank or text.is_blank(at)
            continue
        current.append(at)
    if current:
        parts.append(_part(text, current, blank=blank))
    return parts


def _part(text: TextRecords, records: list[int], *, blank: bool) -> Part:
    widths = Counter(text.ends[at] for at in records)
    width = max(widths.items(), key=lambda item: (item[1], item[0]))[0]
    return Part(records, width, blank)


def tables_of(text: TextRecords, parts: list[Part]) -> list[list[Part]]:
    """The parts that form each table; others, such as keys and values above a table, are left out."""
    tables: list[list[Part]] = []
    tops: list[_Top] = []
    for part in parts:
        if tables and _continues(text, tops[-1], part):
            tables[-1].append(part)
        elif len(part.records) > 1 or not tables:
            tables.append([part])
            tops.append(_Top(text, part))
    sizes = [sum(len(part.records) for part in table) for table in tables]
    sure = [_has_names(text, table[0]) for table in tables]
    kept = [
        table
        for table, size, named in zip(tables, sizes, sure, strict=True)
        if named or not any(sure) or (table[0].width > 2 and 2 * size >= max(sizes))
    ]
    return [table for table in kept if len(kept) == 1 or sum(len(part.records) for part in table) > 1]


class _Top:
    """The first part of a table, to which others are compared."""

    def __init__(self, text: TextRecords, part: Part) -> None:
        header = names_at(text, part)
        self.width = part.width
        self.names = text.records[header]
        self.rows = [text.records[at] for at in part.records if at > header][:LOOKED_AT]
        self.columns = Columns(self.rows)


def _continues(text: TextRecords, top: _Top, part: Part) -> bool:
    """Whether a part belongs to the table above it, from which blank lines or single cells separate it."""
    rows = [text.records[at] for at in part.records]
    if same(rows[0], top.names):
        return True
    if part.width > top.width or 2 * text.filled[part.records[0]] < top.width:
        return False
    if len(rows) > 1 and evidence(rows[0], rows[1:]) is True and not (top.rows and top.columns.fit(rows[0])):
        return False
    if not part.blank_before:
        return True
    return part.width == top.width and (len(rows) > 3 or not top.rows or all(map(top.columns.fit, rows)))


def same(one: Sequence[str], other: Sequence[str]) -> bool:
    return one[0].strip() == other[0].strip() and [*map(str.strip, one)] == [*map(str.strip, other)]


def names_at(text: TextRecords, part: Part) -> int:
    """The record with the names: the first that is filled as the table's rows are."""
    needed = max(min(2, part.width), -(-part.width * 3 // 5))
    return next((at for at in part.records if text.filled[at] >= needed), part.records[0])


def _has_names(text: TextRecords, part: Part) -> bool:
    """Whether names stand above values of another type."""
    header = names_at(text, part)
    below = [text.records[at] for at in part.records if at > header]
    enough = len(below) > 1 or part.width > 2  # a key and a value above another look like names and values
    return enough and bool(below) and evidence(text.records[header], below) is True


def body_of(text: TextRecords, table: list[Part]) -> list[int]:
    """The records of the parts, with the rows between and below them that have only their first cell filled."""
    known = [at for part in table for at in part.records]
    footers = _Footers([text.records[at] for at in known])
    inner = set(known)
    for at in range(known[0], len(text.records)):
        if at in inner:
            continue
        is_row = text.filled[at] == 1 and len(text.records[at]) > 1 and not text.is_comment(at)
        if at > known[-1] and (not is_row or footers.include(text.records[at])):
            break
        if is_row:
            inner.add(at)
    body = sorted(inner)
    width = max(len(text.records[at]) for at in body)
    others = Columns([text.records[at] for at in body[1:LOOKED_AT][:-1]])
    while len(body) > 3 and len(row := text.records[body[-1]]) < width and not others.fit(row):
        if is_total_label(row[0]):
            break
        body.pop()  # a remark with separators in it
    return body


class _Footers:
    """Tells remarks below a table from rows of which only the first cell is filled."""

    def __init__(self, rows: Records) -> None:
        usual = sorted(len(row[0].strip()) for row in rows if row)
        self._longest = usual[-1 - len(usual) // 20]
        self._columns = Columns(rows[1:])

    def include(self, row: Sequence[str]) -> bool:
        """Whether this row, which has one cell, is a remark."""
        cell = row[0].strip()
        return len(cell) > max(12, 2 * self._longest) or cell.startswith(("*", "(")) or not self._columns.fit([cell])
