"""Finds the tables in the records of a text: what stands above, between and below them is no data."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.files.formats.header import (
    LOOKED_AT,
    clean_names,
    evidence,
    fits_columns,
    has_header,
    is_upper_line,
    joined,
    units_below,
)
from tools.files.profile import plain
from tools.files.totals import total_rows

Records = Sequence[Sequence[str]]
MAX_TABLES = 20
MAX_SKIPPED = 60
"""Records within a table that a line of Python can skip."""
_RULE = re.compile(r"[-=+_|:.*~ ]{3,}")
_JOINED = "Its header has two lines, which are joined."
_COMMENT = ("#", "//", "%", "!")


@dataclass(frozen=True, slots=True)
class Layout:
    """One table of a text."""

    names: list[str]
    columns: tuple[int, ...]
    """The positions of the columns with these names; columns without name and values are left out."""
    header: int | None
    """The record with the names; None if there is none."""
    raw_header: list[str]
    """Its cells."""
    skipped: tuple[int, ...]
    """Records before `end` that are neither header nor data; blank lines, which readers skip, may be missing."""
    data: tuple[int, ...]
    """The records with data."""
    end: int | None
    """The first record behind the table that readers would take for data; None if there is none."""
    rows: int
    """The number of rows with data."""
    title: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Number of columns in the text, up to the last one that is kept."""
        return self.columns[-1] + 1

    @property
    def above(self) -> int:
        """Number of records before the data."""
        return self.data[0] if self.data else (self.header or 0) + 1


@dataclass(slots=True)
class _Part:
    """Consecutive records that look like rows of one table."""

    records: list[int]
    width: int
    blank_before: bool
    title: int | None


class _Text:
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


def layouts(records: Records, *, declared: bool = False) -> list[Layout]:
    """The tables, in order. `declared`: whether the first record declares the separator."""
    text = _Text(records)
    start = next((at for at in range(len(records)) if not text.is_blank(at)), 0) + 1 if declared else 0
    parts = _parts(text, start)
    tables = _tables(text, parts)
    last = len(tables) - 1
    return [
        _layout(text, table, start, is_first=not at, is_last=at == last) for at, table in enumerate(tables[:MAX_TABLES])
    ]


def _parts(text: _Text, start: int) -> list[_Part]:
    comments = [at for at in range(start, len(text.records)) if text.is_comment(at)]
    hidden = set(comments) if len(comments) < len(text.records) / 2 else set()
    parts: list[_Part] = []
    current: list[int] = []
    title: int | None = None
    blank = False
    for at in range(start, len(text.records)):
        if text.is_blank(at) or at in hidden or text.is_junk(at):
            if current:
                parts.append(_part(text, current, title, blank=blank))
                current, title, blank = [], None, False
            if text.is_blank(at):
                blank = True
            elif at not in hidden or not parts:
                title = at
            continue
        current.append(at)
    if current:
        parts.append(_part(text, current, title, blank=blank))
    return parts


def _part(text: _Text, records: list[int], title: int | None, *, blank: bool) -> _Part:
    widths = Counter(text.ends[at] for at in records)
    width = max(widths.items(), key=lambda item: (item[1], item[0]))[0]
    return _Part(records, width, blank, title)


def _tables(text: _Text, parts: list[_Part]) -> list[list[_Part]]:
    """The parts that form each table; others, such as keys and values above a table, are left out."""
    tables: list[list[_Part]] = []
    for part in parts:
        if tables and _continues(text, tables[-1], part):
            tables[-1].append(part)
        elif len(part.records) > 1 or not tables:
            tables.append([part])
    sizes = [sum(len(part.records) for part in table) for table in tables]
    sure = [_has_names(text, table[0]) for table in tables]
    kept = [
        table
        for table, size, named in zip(tables, sizes, sure, strict=True)
        if named or not any(sure) or (table[0].width > 2 and 2 * size >= max(sizes))
    ]
    return [table for table in kept if len(kept) == 1 or sum(len(part.records) for part in table) > 1]


def _continues(text: _Text, table: list[_Part], part: _Part) -> bool:
    """Whether a part belongs to the table above it, from which blank lines or single cells separate it."""
    first, rows = table[0], [text.records[at] for at in part.records]
    header = _names_at(text, first)
    if _same(rows[0], text.records[header]):
        return True
    if part.width > first.width or 2 * text.filled[part.records[0]] < first.width:
        return False
    above = [text.records[at] for at in first.records if at > header][:LOOKED_AT]
    if len(rows) > 1 and evidence(rows[0], rows[1:]) is True and not (above and fits_columns(rows[0], above)):
        return False
    if not part.blank_before:
        return True
    return part.width == first.width and (len(rows) > 3 or not above or all(fits_columns(row, above) for row in rows))


def _same(one: Sequence[str], other: Sequence[str]) -> bool:
    return one[0].strip() == other[0].strip() and [*map(str.strip, one)] == [*map(str.strip, other)]


def _names_at(text: _Text, part: _Part) -> int:
    """The record with the names: the first that is filled as the table's rows are."""
    needed = max(min(2, part.width), -(-part.width * 3 // 5))
    return next((at for at in part.records if text.filled[at] >= needed), part.records[0])


def _has_names(text: _Text, part: _Part) -> bool:
    """Whether names stand above values of another type."""
    header = _names_at(text, part)
    below = [text.records[at] for at in part.records if at > header]
    return bool(below) and evidence(text.records[header], below) is True


def _layout(text: _Text, table: list[_Part], start: int, *, is_first: bool, is_last: bool) -> Layout:
    records = text.records
    top = _names_at(text, table[0])
    body = [at for at in _body(text, table) if at > top]
    header, names, notes, body = _header(records, top, body)
    repeated = {at for at in body if header is not None and _same(records[at], records[header])}
    if repeated:
        notes.append(f"The header stands there {len(repeated) + 1} times; only once read.")
        body = [at for at in body if at not in repeated]
    totals = {body[at] for at in total_rows([records[at] for at in body])}
    if totals:
        shown = "; ".join(plain(" ".join(filter(None, map(str.strip, records[at]))), 60) for at in sorted(totals)[:2])
        what = "1 row that looks like a total" if len(totals) == 1 else f"{len(totals)} rows that look like totals"
        notes.append(f"{what} left out: {shown}.")
        body = [at for at in body if at not in totals]
    known = {*body, *([header] if header is not None else [])}
    last = max(known)
    skipped = tuple(
        at for at in range(last) if at not in known and (records[at] and "".join(records[at]).strip(" ") != "")
    )
    end = next((at for at in range(last + 1, len(records)) if len(records[at]) > 1 or not text.is_blank(at)), None)
    if is_first:
        upper = top - 1 if _JOINED in notes else None
        notes += left_out(records, [at for at in skipped if start <= at < min(known) and at != upper], "above")
    if is_last and end is not None:
        notes += left_out(records, [at for at in range(end, len(records)) if at not in totals], "below")
    kept = tuple(
        at
        for at, name in enumerate(names)
        if name != f"Unnamed: {at}" or any(at < len(records[one]) and records[one][at].strip() for one in body)
    )
    title = text.title_above(min(known))
    names = [names[at] for at in kept]
    return Layout(names, kept or (0,), header, [*records[top]], skipped, tuple(body), end, len(body), title, notes)


def _header(records: Records, top: int, body: list[int]) -> tuple[int | None, list[str], list[str], list[int]]:
    """`(the record with the names, the names, notes, the records with data)`."""
    others = [records[at] for at in body[:LOOKED_AT] if not _same(records[at], records[top])]
    width = _width([records[top], *others])
    if not has_header(records[top], others):
        names = [f"column_{at}" for at in range(1, width + 1)]
        return None, names, ["The first line is data: the columns have no names and are numbered."], [top, *body]
    cells: Sequence[str] = [
        re.sub(r"^\s*(#|//|%)\s*", "", cell) if not at else cell for at, cell in enumerate(records[top])
    ]
    if len(others) > 1 and is_upper_line(cells, others[0], others[1:]):
        return top, clean_names(joined(cells, others[0]), width), [_JOINED], body[1:]
    if top and is_upper_line(records[top - 1], cells, others):
        return top, clean_names(joined(records[top - 1], cells), width), [_JOINED], body
    notes = []
    if len(others) > 2 and units_below(others[0], others[1:]):
        pairs = (f"{name.strip()} {unit.strip()}" for name, unit in zip(cells, others[0], strict=False) if unit.strip())
        notes, body, others = [f"Units, from the second line: {plain(', '.join(pairs), 150)}."], body[1:], others[1:]
    if _has_labels(cells, others):
        cells = ["", *cells]
        notes.append("Its first column has labels and no name.")
    return top, clean_names(cells, _width([cells, *others])), notes, body


def _width(rows: Records) -> int:
    """The number of columns: the names, or more if most rows have more cells that are filled."""
    header, *others = rows
    own = max((at for at, cell in enumerate(header, 1) if cell.strip()), default=1)
    ends = Counter(max((at for at, cell in enumerate(row, 1) if cell.strip()), default=0) for row in others)
    longest = [end for end, count in ends.items() if end > own and count >= 0.5 * len(others)]
    return max([own, *longest])


def _has_labels(cells: Sequence[str], others: Records) -> bool:
    """Whether each row has one cell more than the header, a label in front of it."""
    own = len(cells)
    longer = [row for row in others if len(row) == own + 1 and row[-1].strip()]
    labels = [row[0] for row in longer]
    return (
        bool(others)
        and len(longer) == len(others)
        and all(cell.strip() for cell in cells)
        and len(set(labels)) == len(labels)
    )


def left_out(records: Records, which: Sequence[int], where: str) -> list[str]:
    """A note about records that are no data, with their text."""
    told = [" ".join(filter(None, map(str.strip, records[at]))) for at in which]
    told = [line for line in told if line]
    if not told:
        return []
    return [f"{_count(len(told), 'line')} {where} the table left out: {plain(' / '.join(told), 160)}."]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _body(text: _Text, table: list[_Part]) -> list[int]:
    """The records of the parts, with the rows between and below them that have only their first cell filled."""
    known = [at for part in table for at in part.records]
    inner = set(known)
    for at in range(known[0], len(text.records)):
        if at in inner:
            continue
        is_row = text.filled[at] == 1 and len(text.records[at]) > 1 and not text.is_comment(at)
        if at > known[-1] and (not is_row or _is_footer(text.records[at], [text.records[one] for one in known])):
            break
        if is_row:
            inner.add(at)
    return sorted(inner)


def _is_footer(row: Sequence[str], others: Records) -> bool:
    """Whether a row with one cell is a remark, and no row whose other cells are empty."""
    cell = row[0].strip()
    usual = sorted(len(other[0].strip()) for other in others if other)
    longest = usual[-1 - len(usual) // 20]
    return len(cell) > max(12, 2 * longest) or cell.startswith(("*", "(")) or not fits_columns([cell], others[1:])
