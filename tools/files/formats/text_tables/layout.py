"""Describes each table of a text: its names, its rows, and what around them is no data."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.files.formats.text_tables.header import (
    LOOKED_AT,
    clean_names,
    has_header,
    is_upper_line,
    joined,
    units_below,
)
from tools.files.formats.text_tables.regions import (
    Part,
    Records,
    TextRecords,
    body_of,
    names_at,
    parts_of,
    same,
    tables_of,
)
from tools.files.profile import plain
from tools.files.totals import total_rows

MAX_TABLES = 20
_JOINED = "Its header has two lines, which are joined."


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


def layouts(records: Records, *, declared: bool = False) -> list[Layout]:
    """The tables, in order. `declared`: whether the first record declares the separator."""
    text = TextRecords(records)
    start = next((at for at in range(len(records)) if not text.is_blank(at)), 0) + 1 if declared else 0
    parts = parts_of(text, start)
    tables = tables_of(text, parts)
    last = len(tables) - 1
    return [
        _layout(text, table, start, is_first=not at, is_last=at == last) for at, table in enumerate(tables[:MAX_TABLES])
    ]


def _layout(text: TextRecords, table: list[Part], start: int, *, is_first: bool, is_last: bool) -> Layout:
    records = text.records
    top = names_at(text, table[0])
    body = [at for at in body_of(text, table) if at > top]
    header, names, notes, body = _header(records, top, body)
    repeated = {at for at in body if header is not None and same(records[at], records[header])}
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
    return Layout(names, kept or (0,), header, [*records[top]], skipped, tuple(body), end, title, notes)


def _header(records: Records, top: int, body: list[int]) -> tuple[int | None, list[str], list[str], list[int]]:
    """`(the record with the names, the names, notes, the records with data)`."""
    others = [records[at] for at in body[:LOOKED_AT] if not same(records[at], records[top])]
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
