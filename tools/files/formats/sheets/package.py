"""The parts of an `.xlsx` or `.xlsm` file: its sheets, number formats and settings."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet

from tools.files.formats import office
from tools.files.formats.sheets.grid import Marks
from tools.files.formats.sheets.sheet_xml import SheetXml, scan
from tools.files.profile import Fact

_CODE = re.compile(r'(?:\[[^\]]*\])?"?(0{2,15})"?(?:;.*|)')
_SCANNED = 200 << 20
"""Bytes of XML that are searched in a workbook."""


@dataclass(frozen=True, slots=True)
class Package:
    """What a workbook tells about its sheets."""

    sheets: dict[str, SheetXml] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of a sheet's XML."""
    facts: dict[str, Fact] = field(default_factory=dict)
    recalculate: bool = False
    """Whether the program that wrote it left the calculation to the program that opens it."""

    @property
    def marks(self) -> dict[str, Marks]:
        return {name: sheet.marks for name, sheet in self.sheets.items()}

    @property
    def uncalculated(self) -> dict[str, Marks]:
        """The formulas without results and, if `is_uncalculated`, those with 0 in place of it."""
        some = any(sheet.uncalculated for sheet in self.sheets.values())
        return {
            name: Marks(uncalculated=sheet.uncalculated if some else sheet.zero_formulas)
            for name, sheet in self.sheets.items()
        }

    @property
    def zeros(self) -> int:
        """Number of formulas whose result is 0."""
        return sum(sheet.zeros for sheet in self.sheets.values())

    @property
    def is_uncalculated(self) -> bool:
        """Whether formulas have no results, or 0 in place of each result, as some programs write them."""
        count = sum(sheet.formulas for sheet in self.sheets.values())
        return any(sheet.uncalculated for sheet in self.sheets.values()) or (
            self.recalculate and count > 0 and self.zeros == count
        )


def inspect(file: IO[bytes]) -> Package:
    """Raises what openpyxl raises for a damaged workbook."""
    with _reader(file) as reader:
        package = Package(
            facts=office.about(reader.wb.properties), recalculate=bool(reader.wb.calculation.fullCalcOnLoad)
        )
        codes = _codes(reader)
        room = _SCANNED
        for sheet, relation in reader.parser.find_sheets():
            if relation.target not in reader.valid_files or "chartsheet" in relation.Type:
                continue
            size = reader.archive.getinfo(relation.target).file_size
            package.sizes[sheet.name] = size
            if size <= room:
                room -= size
                with reader.archive.open(relation.target) as part:
                    package.sheets[sheet.name] = scan(part, codes)
    return package


@contextmanager
def _reader(file: IO[bytes]) -> Iterator[ExcelReader]:
    reader = ExcelReader(file, read_only=True, keep_links=False)
    with reader.archive:
        reader.read_manifest()
        reader.read_workbook()
        reader.read_properties()
        yield reader


def _codes(reader: ExcelReader) -> dict[int, int]:
    """The digits of formats such as `00000`, by the number of the style that uses it."""
    apply_stylesheet(reader.archive, reader.wb)
    formats = {
        164 + at: len(match.group(1))
        for at, code in enumerate(reader.wb._number_formats)
        if (match := _CODE.fullmatch(code))
    }
    return {at: formats[style.numFmtId] for at, style in enumerate(reader.wb._cell_styles) if style.numFmtId in formats}
