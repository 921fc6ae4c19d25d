"""What the XML of an OpenDocument spreadsheet tells beyond the values: merged, hidden and uncalculated cells."""

import io
import re
import zipfile
from typing import IO, Any

import lxml.etree as xml

from tools.files.formats.sheets.grid import Marks, Range
from tools.files.profile import plain
from tools.files.source import Source

CONTENT = "content.xml"
_MAX_XML = 64 << 20
"""Bytes of XML that are searched; larger spreadsheets have no marks."""
_MAX_MARKS = 20_000
_MAX_ROWS = 1_048_576
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_TOLD = re.compile(rb'number-rows-spanned="|visibility="|formula="')


def marks(source: Source) -> dict[str, Marks]:
    """By the sheet's name."""
    with zipfile.ZipFile(source.path) as archive:
        if archive.getinfo(CONTENT).file_size > _MAX_XML:
            return {}
        data = archive.read(CONTENT)
        if not _TOLD.search(data):
            return {}
    return _read(io.BytesIO(data))


def _read(part: IO[bytes]) -> dict[str, Marks]:
    found: dict[str, Marks] = {}
    options: dict[str, Any] = {"resolve_entities": False, "no_network": True, "huge_tree": True}
    for _, sheet in xml.iterparse(part, events=("end",), tag=f"{_TABLE}table", **options):
        found[sheet.get(f"{_TABLE}name", "")] = _of_sheet(sheet)
        sheet.clear()
    return found


def _of_sheet(sheet: Any) -> Marks:
    merged: list[Range] = []
    hidden: set[int] = set()
    uncalculated: dict[tuple[int, int], str] = {}
    row = 0
    for element in sheet.iter(f"{_TABLE}table-row"):
        repeated = _number(element, "number-rows-repeated")
        if element.get(f"{_TABLE}visibility", "visible") != "visible" and len(hidden) < _MAX_MARKS:
            hidden.update(range(row, min(row + repeated, row + _MAX_MARKS)))
        column = 0
        for cell in element.iterchildren(*_CELLS):
            down, across = _number(cell, "number-rows-spanned"), _number(cell, "number-columns-spanned")
            if (down > 1 or across > 1) and len(merged) < _MAX_MARKS:
                merged.append((row, column, row + down - 1, column + across - 1))
            formula = cell.get(f"{_TABLE}formula")
            if formula is not None and len(uncalculated) < _MAX_MARKS and _has_no_value(cell):
                uncalculated[row, column] = _formula(formula)
            column += _number(cell, "number-columns-repeated")
        row += repeated
    return Marks(merged, frozenset(hidden), frozenset(_hidden_columns(sheet)), uncalculated=uncalculated)


def _hidden_columns(sheet: Any) -> set[int]:
    hidden: set[int] = set()
    at = 0
    for column in sheet.iter(f"{_TABLE}table-column"):
        repeated = min(_number(column, "number-columns-repeated"), _MAX_MARKS)
        if column.get(f"{_TABLE}visibility", "visible") != "visible":
            hidden.update(range(at, at + repeated))
        at += repeated
    return hidden


def _formula(text: str) -> str:
    """As a person knows it: `of:=[.B2]*[.C2]` becomes `=B2*C2`."""
    formula = re.sub(r"\[\.?([^\]]*)\]", r"\1", text.partition("=")[2]).replace(":.", ":")
    return plain(f"={formula}", 200)


def _has_no_value(cell: Any) -> bool:
    return cell.get(f"{_OFFICE}value-type") is None and not "".join(cell.itertext()).strip()


def _number(element: Any, name: str) -> int:
    text = element.get(f"{_TABLE}{name}", "1")
    return min(int(text), _MAX_ROWS) if text.isdigit() else 1
