"""Workbooks in the XML of Excel 2003, which are often called `.xls`."""

from collections.abc import Iterator
from typing import Any

import lxml.etree as xml

from tools.files.formats.sheets.csv_text import assigned, csv_parts
from tools.files.formats.sheets.grid import Marks, Range
from tools.files.formats.sheets.parts import Part, as_sections
from tools.files.profile import FileUnreadable, Profile, plain
from tools.files.sections import Section
from tools.files.source import Source

ERRORS = (xml.XMLSyntaxError,)
NAMESPACE = "urn:schemas-microsoft-com:office:spreadsheet"
MAX_BYTES = 32 << 20
MAX_SHEETS = 30
_SS = f"{{{NAMESPACE}}}"
_SETUP = f'''\
import io, lxml.etree
ss = "{_SS}"
rows = []
for row in lxml.etree.parse({{name}}).findall(ss + "Worksheet")[{{sheet}}].iter(ss + "Row"):
    rows += [[] for _ in range(int(row.get(ss + "Index", len(rows) + 1)) - len(rows))]
    for cell in row.iter(ss + "Cell"):
        rows[-1] += [""] * (int(cell.get(ss + "Index", len(rows[-1]) + 1)) - len(rows[-1]))
        rows[-1][-1] = "".join(cell.xpath("./*[local-name()=\'Data\']//text()"))
        rows[-1] += [""] * int(cell.get(ss + "MergeAcross", 0))
width = max(map(len, rows), default=0)
text = pd.DataFrame([row + [""] * (width - len(row)) for row in rows]).to_csv(index=False, header=False)'''
"""Assigns the cells of a sheet to `text`, as CSV."""


def profile(source: Source) -> Profile:
    sheets = _sheets(source)
    names = [_name(sheet) for sheet in sheets[:MAX_SHEETS]]
    found = list(_parts(source, sheets))
    return Profile(
        kind="spreadsheet_xml",
        title=f"Excel workbook in XML, {len(sheets)} sheet{'' if len(sheets) == 1 else 's'}",
        bytes=source.size,
        load=found[0].table.load if found else None,
        facts={"sheets": names},
        tables=[part.table for part in found],
    )


def sections(source: Source) -> list[Section]:
    """Fifty rows per section; the heading is the sheet."""
    return as_sections(_parts(source, _sheets(source)))


def _sheets(source: Source) -> list[Any]:
    if source.size > MAX_BYTES:
        raise FileUnreadable(f"It is larger than {MAX_BYTES >> 20} MB. Save it as .xlsx.")
    root = xml.parse(source.path, xml.XMLParser(resolve_entities=False, no_network=True)).getroot()
    sheets: list[Any] = root.findall(f"{_SS}Worksheet")
    return sheets


def _name(sheet: Any) -> str:
    return plain(sheet.get(f"{_SS}Name", ""))


def _parts(source: Source, sheets: list[Any]) -> Iterator[Part]:
    for at, sheet in enumerate(sheets[:MAX_SHEETS]):
        setup = _SETUP.replace("{sheet}", str(at)).splitlines()
        text = assigned(setup, source.path)
        visible = sheet.findtext(".//{*}WorksheetOptions/{*}Visible") is None
        yield from csv_parts(text, setup, _name(sheet), _marks(sheet), hidden=not visible)


def _marks(sheet: Any) -> Marks:
    """Merged cells and hidden rows."""
    merged: list[Range] = []
    hidden: set[int] = set()
    row = -1
    for element in sheet.iter(f"{_SS}Row"):
        row = max(row + 1, _number(element, "Index", row + 2) - 1)
        if element.get(f"{_SS}Hidden") == "1":
            hidden.add(row)
        column = 0
        for cell in element.iter(f"{_SS}Cell"):
            column = max(column, _number(cell, "Index", column + 1) - 1)
            down, across = _number(cell, "MergeDown", 0), _number(cell, "MergeAcross", 0)
            if down or across:
                merged.append((row, column, row + down, column + across))
            column += across + 1
    return Marks(merged, frozenset(hidden))


def _number(element: Any, name: str, default: int) -> int:
    return int(element.get(f"{_SS}{name}", default))
