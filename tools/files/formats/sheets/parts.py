"""The tables of a sheet, and the text beside them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
from openpyxl.utils import get_column_letter

from tools.files.formats.sheets import formulas
from tools.files.formats.sheets.found import find_table
from tools.files.formats.sheets.grid import Grid
from tools.files.formats.sheets.outline import outline
from tools.files.formats.sheets.table import Origin, load_table
from tools.files.profile import Table
from tools.files.rows import MAX_TEXT, rows_as_text
from tools.files.sections import Section, SectionWriter


@dataclass(frozen=True, slots=True)
class Part:
    """A table of a sheet."""

    sheet: str
    table: Table
    frame: pd.DataFrame
    texts: list[str]
    """What stands in the sheet beside its tables; only with its first table."""


def parts(
    grid: Grid,
    origin: Origin,
    name: str | None,
    uncalculated: Mapping[tuple[int, int], str] | None = None,
    failure: str | None = None,
) -> Iterator[Part]:
    """`uncalculated`: formulas that had no results; `failure`: why they still have none."""
    outlined = outline(grid)
    notes = ["This sheet is hidden."] if grid.hidden else []
    if not grid.complete:
        notes.append(f"Large: only the first {len(grid.rows):,} rows were read.")
    if grid.is_cropped:
        notes.append("Cells that are far from the others are left out.")
    for at, block in enumerate(outlined.tables):
        found = find_table(grid, block)
        called = name
        if len(outlined.tables) > 1:
            first = f"{get_column_letter(block.left + 1)}{block.top + 1}"
            called = f"{name or 'table'}!{first}:{get_column_letter(block.right)}{block.bottom}"
        told = formulas.notes(found, uncalculated or {}, failure)
        table, frame = load_table(found, origin, called, [*told, *notes, *outlined.notes[block]])
        yield Part(grid.name, table, frame, outlined.texts if at == 0 else [])


def as_sections(found: Iterable[Part]) -> list[Section]:
    """Fifty rows per section; the heading is the sheet."""
    writer = SectionWriter(MAX_TEXT)
    for part in found:
        writer.add("\n".join(part.texts), heading=part.sheet)
        rows_as_text(part.frame, part.sheet, writer=writer)
    return writer.sections
