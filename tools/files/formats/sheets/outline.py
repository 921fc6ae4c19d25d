"""Tells the tables of a sheet from its titles, settings and remarks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tools.files.formats.sheets.grid import BLANK, TEXT, Grid, shown
from tools.files.formats.sheets.regions import Block, blocks
from tools.files.profile import plain

MAX_TABLES = 20
_MAX_SETTINGS = 12
_MAX_TEXT = 150


@dataclass(frozen=True, slots=True)
class Outline:
    """The blocks that are tables, from top to bottom, and the text of the others."""

    tables: list[Block] = field(default_factory=list)
    notes: dict[Block, list[str]] = field(default_factory=dict)
    """What stands above and below a table."""
    texts: list[str] = field(default_factory=list)


def outline(grid: Grid) -> Outline:
    if not grid.rows or not grid.width:
        return Outline()
    found = blocks(grid)
    tables = [block for block in found if _is_table(block)]
    largest = max(tables, key=lambda block: block.height * block.width, default=None)
    tables = [block for block in tables if block is largest or not _are_settings(grid, block, largest)]
    tables = (tables or found[:1])[:MAX_TABLES]
    others = [block for block in found if block not in tables]
    return Outline(
        tables,
        {block: _around(grid, block, tables, others) for block in tables},
        [text for block in others if (text := _text(grid, block))],
    )


def _is_table(block: Block) -> bool:
    return block.height >= 2 and (block.width >= 2 or block.height >= 3)


def _are_settings(grid: Grid, block: Block, largest: Block | None) -> bool:
    """Whether a block consists of pairs, such as `Date: 2024-03-01`, beside a table that is wider."""
    if largest is None or block.height > _MAX_SETTINGS or block.width > 2 or largest.width <= block.width:
        return False
    if block.width == 1:
        return bool((block.of(grid.kinds) <= TEXT).all())
    labels, values = block.of(grid.kinds).T
    if (labels != TEXT).any():
        return False
    names = [str(row[block.left]).strip() for row in grid.rows[block.top : block.bottom]]
    titled = np.argmax(values != BLANK)  # rows of titles, without a value
    headed = values[titled] == TEXT and len(set(values[titled + 1 :].tolist())) == 1
    return sum(name.endswith(":") for name in names) * 2 > len(names) or not headed


def _around(grid: Grid, table: Block, tables: Sequence[Block], others: Sequence[Block]) -> list[str]:
    """The text directly above and below."""
    beside = [block for block in others if block.left < table.right and block.right > table.left]
    above = [block for block in beside if block.bottom <= table.top and not _between(tables, block, table)]
    below = [block for block in beside if block.top >= table.bottom and not _between(tables, table, block)]
    notes = []
    if above and (text := plain("; ".join(_text(grid, block) for block in above), _MAX_TEXT)):
        notes.append(f"Above it: {text}")
    level = [block for block in others if block not in beside and block.top < table.bottom and block.bottom > table.top]
    if len(tables) == 1 and level and (text := plain("; ".join(_text(grid, block) for block in level), _MAX_TEXT)):
        notes.append(f"Beside it, and left out: {text}")
    if below and (text := plain("; ".join(_text(grid, block) for block in below), _MAX_TEXT)):
        notes.append(f"Below it, and left out: {text}")
    return notes


def _between(tables: Sequence[Block], upper: Block, lower: Block) -> bool:
    return any(
        upper.bottom <= block.top and block.bottom <= lower.top for block in tables if block not in (upper, lower)
    )


def _text(grid: Grid, block: Block) -> str:
    rows = grid.rows[block.top : min(block.bottom, block.top + 50)]
    lines = (" ".join(shown(cell) for cell in row[block.left : block.right] if cell not in ("", None)) for row in rows)
    return plain("; ".join(line for line in lines if line.strip()), 2000)


def is_empty(grid: Grid) -> bool:
    return not np.any(grid.kinds != BLANK) if grid.rows and grid.width else True
