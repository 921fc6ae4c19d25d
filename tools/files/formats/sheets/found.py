"""A table of a sheet before it is loaded."""

from dataclasses import dataclass

from tools.files.formats.sheets.body import Body, find_body
from tools.files.formats.sheets.grid import BLANK, Grid
from tools.files.formats.sheets.header import Header, column_names, find_header
from tools.files.formats.sheets.regions import Block


@dataclass(frozen=True, slots=True)
class Found:
    """Where the table is."""

    grid: Grid
    block: Block
    header: Header
    names: list[str]
    body: Body

    @property
    def spacers(self) -> list[str]:
        """The columns without a name and without values, which only separate others."""
        used = (self.block.of(self.grid.kinds) != BLANK).any(axis=0)
        return [name for name, is_used in zip(self.names, used, strict=True) if not is_used]


def find_table(grid: Grid, block: Block) -> Found:
    """The header, the names and the rows of data in a block of cells."""
    header = find_header(grid, block)
    body = find_body(grid, block, header.data_from, header.lines[-1] if header.lines else None)
    return Found(grid, block, header, column_names(grid, block, header), body)
