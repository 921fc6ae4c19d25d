"""What the XML of an `.xlsx` sheet tells beyond the values: merged, hidden and uncalculated cells.

A sheet has up to gigabytes of it, so it is searched in pieces and never parsed.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import IO

from openpyxl.utils import column_index_from_string

from tools.files.formats.sheets.grid import Marks, Range
from tools.files.profile import plain

_HEAD = 1 << 16
_CHUNK = 4 << 20
_LONGEST = 4 * _CHUNK
_MAX_MARKS = 20_000
"""Maximum number of merged ranges, hidden rows or formulas that are remembered."""
_MAX_COLUMN = 16_384
_CELL = re.compile(rb"^([A-Z]{1,3})(\d{1,7})$")
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3}\d{1,7})"')
_NUMBERED = re.compile(rb'\br="(\d{1,7})"')
_RANGE = re.compile(rb'\bref="([A-Z]{1,3}\d{1,7}):([A-Z]{1,3}\d{1,7})"')
_BOUNDS = re.compile(rb'\b(min|max)="(\d{1,5})"')
_COLUMNS = re.compile(rb'\br="([A-Z]{1,3})\d')
_ENTITIES = ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'"), (b"&amp;", b"&"))


@dataclass
class SheetXml:
    """What was found so far."""

    rows: int = 0
    columns: int = 0
    cells: int = 0
    formulas: int = 0
    zeros: int = 0
    """Formulas whose result is 0."""
    zero_formulas: dict[tuple[int, int], str] = field(default_factory=dict)
    merged: list[Range] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    errors: Counter[int] = field(default_factory=Counter)
    uncalculated: dict[tuple[int, int], str] = field(default_factory=dict)
    coded: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Number of cells by `(column, digits)` of their number format."""

    @property
    def marks(self) -> Marks:
        digits = {column: digits for (column, digits), _ in reversed(self.coded.most_common())}
        return Marks(
            self.merged,
            frozenset(self.hidden_rows),
            frozenset(self.hidden_columns),
            dict(self.errors),
            self.uncalculated,
            digits,
        )


def scan(part: IO[bytes], codes: dict[int, int]) -> SheetXml:
    """Reads to the end. `codes`: the digits of number formats such as `00000`, by the style's number."""
    found = SheetXml()
    kept = part.read(_HEAD)
    prefix = re.search(rb"<(\w+:)?worksheet\b", kept)
    patterns = _Patterns((prefix and prefix.group(1)) or b"", codes)
    while chunk := part.read(_CHUNK):
        text = kept + chunk
        cut = text.rfind(patterns.cell_end) + len(patterns.cell_end)
        if cut < len(patterns.cell_end):
            if len(text) < _LONGEST:
                kept = text
                continue
            cut = len(text)
        _search(text[:cut], patterns, codes, found)
        kept = text[cut:]
    _search(kept, patterns, codes, found)
    return found


class _Patterns:
    def __init__(self, prefix: bytes, styles: Collection[int]) -> None:
        def compiled(pattern: bytes) -> re.Pattern[bytes]:
            return re.compile(pattern.replace(b"@", re.escape(prefix)))

        numbers = b"|".join(str(style).encode() for style in sorted(styles))
        self.merged = compiled(rb"<@mergeCell ([^>]*)>")
        self.hidden_row = compiled(rb'<@row ([^>]*\bhidden="(?:1|true)"[^>]*)>')
        self.hidden_column = compiled(rb'<@col ([^>]*\bhidden="(?:1|true)"[^>]*)>')
        self.row = b"<" + prefix + b"row "
        self.cell = b"<" + prefix + b"c "
        self.cell_end = b"</" + prefix + b"c>"
        self.any_formula = b"<" + prefix + b"f"
        self.formula = compiled(rb"</@f>|<@f[^>]*/>")
        self.zero = compiled(rb"(?:</@f>|<@f[^>]*/>)\s*<@v>0</@v>")
        self.error = compiled(rb'<@c ([^>]*\bt="e"[^>]*)>')
        self.uncalculated = compiled(
            rb"<@c ([^>]*[^>/])>\s*<@f(?:\s[^>]*?)?(?:/>|>([^<]*)</@f>)\s*(<@v\s*/>|<@v>0?\s*</@v>)?\s*</@c>"
        )
        self.coded = compiled(rb'<@c ([^>]*\bs="(' + numbers + rb')"[^>]*)>') if styles else None


def _search(text: bytes, patterns: _Patterns, codes: dict[int, int], found: SheetXml) -> None:
    found.columns = max(found.columns, *(_column(name) for name in set(_COLUMNS.findall(text))), 0)
    found.cells += text.count(patterns.cell)
    if (at := text.rfind(patterns.row)) >= 0:
        number = _NUMBERED.search(text, at, at + 200)
        found.rows = int(number.group(1)) if number else found.rows + text.count(patterns.row)
    _search_layout(text, patterns, found)
    for match in patterns.error.finditer(text):
        if cell := _REFERENCE.search(match.group(1)):
            found.errors[_position(cell.group(1))[1]] += 1
    for match in patterns.coded.finditer(text) if patterns.coded is not None else ():
        if cell := _REFERENCE.search(match.group(1)):
            found.coded[_position(cell.group(1))[1], codes[int(match.group(2))]] += 1
    if patterns.any_formula in text:
        _search_formulas(text, patterns, found)


def _search_layout(text: bytes, patterns: _Patterns, found: SheetXml) -> None:
    """Merged cells, hidden rows and columns."""
    for match in patterns.merged.finditer(text):
        if len(found.merged) < _MAX_MARKS and (bounds := _RANGE.search(match.group(1))):
            found.merged.append((*_position(bounds.group(1)), *_position(bounds.group(2))))
    for match in patterns.hidden_row.finditer(text):
        if len(found.hidden_rows) < _MAX_MARKS and (number := _NUMBERED.search(match.group(1))):
            found.hidden_rows.add(int(number.group(1)) - 1)
    for match in patterns.hidden_column.finditer(text):
        ends = {key: int(value) for key, value in _BOUNDS.findall(match.group(1))}
        found.hidden_columns.update(range(ends.get(b"min", 1) - 1, min(ends.get(b"max", 0), _MAX_COLUMN)))


def _search_formulas(text: bytes, patterns: _Patterns, found: SheetXml) -> None:
    found.formulas += len(patterns.formula.findall(text))
    found.zeros += len(patterns.zero.findall(text))
    for match in patterns.uncalculated.finditer(text):
        attributes, formula, value = match.groups()
        if value is not None and b't="str"' in attributes:  # its result is an empty text
            continue
        cells = found.zero_formulas if value is not None and b"0" in value else found.uncalculated
        if len(cells) < _MAX_MARKS and (cell := _REFERENCE.search(attributes)):
            cells[_position(cell.group(1))] = _formula(formula or b"")


def _formula(text: bytes) -> str:
    """Empty for a cell that shares the formula of another."""
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return plain("=" + text.decode(errors="replace"), 200) if text else ""


def _position(cell: bytes) -> tuple[int, int]:
    match = _CELL.match(cell)
    assert match is not None
    return int(match.group(2)) - 1, _column(match.group(1)) - 1


def _column(name: bytes) -> int:
    return int(min(column_index_from_string(name.decode("ascii")), _MAX_COLUMN))
