"""One table of a sheet: what it holds, and how it is loaded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from openpyxl.utils import get_column_letter

from tools.files.columns import describe_columns, head_rows
from tools.files.formats.sheets.body import Body, find_body
from tools.files.formats.sheets.cells import Columns, decide
from tools.files.formats.sheets.grid import BLANK, TEXT, Grid, shown
from tools.files.formats.sheets.header import Header, column_names, find_header
from tools.files.formats.sheets.load import Recipe, assigned
from tools.files.formats.sheets.merged import fill
from tools.files.formats.sheets.regions import Block
from tools.files.inference.reading import reading
from tools.files.profile import DAMAGE, Table, plain
from tools.files.rows import unique_names

MAX_NAMED = 200
"""Columns of a table whose names the load line may give."""
_MAX_LISTED = 8


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a grid comes from, for the Python that loads it."""

    function: str
    source: str
    """The first argument, as Python."""
    options: dict[str, Any]
    opened: Callable[[], Any]
    """What takes the place of `source` here."""
    is_workbook: bool = True
    """Whether it is read with `pd.read_excel`: columns are chosen by letters, and rows otherwise than in CSV."""
    setup: Sequence[str] = ()
    limits: dict[str, Any] = field(default_factory=dict)
    """Options that make it read no more than the grid has."""


@dataclass(frozen=True, slots=True)
class Found:
    """A table before it is loaded."""

    grid: Grid
    block: Block
    header: Header
    names: list[str]
    body: Body


def find_table(grid: Grid, block: Block) -> Found:
    header = find_header(grid, block)
    body = find_body(grid, block, header.data_from, header.lines[-1] if header.lines else None)
    return Found(grid, block, header, column_names(grid, block, header), body)


def load_table(found: Found, origin: Origin, name: str | None, notes: Sequence[str]) -> tuple[Table, pd.DataFrame]:
    """Raises what pandas raises if it cannot be loaded."""
    grid, block, names, rows = found.grid, found.block, found.names, found.body.rows
    decided = decide(grid, block, names, rows)
    filled = fill(grid, block, names, rows)
    try:
        recipe = _recipe(found, origin, decided, filled.changes)
        frame = recipe.run(origin.opened())
    except DAMAGE:  # the decision does not fit what pandas makes of the cells
        decided, recipe = Columns({}), _recipe(found, origin, None, filled.changes)
        frame = recipe.run(origin.opened())
    types = [decided.types[name] for name in names[: len(decided.types)]]
    total = len(frame) if grid.complete else max(len(frame), grid.rows_claimed - found.header.data_from)
    table = Table(
        name=name,
        columns=describe_columns(frame, types),
        column_count=frame.shape[1],
        rows=total,
        rows_exact=grid.complete,
        sampled_rows=None if grid.complete else len(frame),
        head=head_rows(frame),
        load=_without_limits(recipe, origin).code,
        notes=[*notes, *filled.notes, *_notes(found), *found.header.notes, *found.body.notes],
    )
    return table, frame


def _recipe(found: Found, origin: Origin, decided: Columns | None, filled: Mapping[str, str]) -> Recipe:
    options: dict[str, Any] = dict(origin.options)
    options |= _rows(found, origin) | _columns(found, origin)
    after = ""
    if decided is None:
        options["dtype"] = object
    else:
        read = reading(decided.types)
        options |= read.options
        if decided.objects:
            dtype = options.get("dtype", {})
            base = dtype if isinstance(dtype, dict) else dict.fromkeys(found.names, dtype)
            options["dtype"] = base | dict.fromkeys(decided.objects, "object")
        after = read.assignments + assigned(decided.changes)
    return Recipe(origin.function, origin.source, options | origin.limits, after + assigned(filled), origin.setup)


def _without_limits(recipe: Recipe, origin: Origin) -> Recipe:
    options = {key: value for key, value in recipe.options.items() if key not in origin.limits} | origin.options
    return replace(recipe, options={key: options[key] for key in recipe.options if key in options})


def _rows(found: Found, origin: Origin) -> dict[str, Any]:
    """The options that choose the rows."""
    header, body = found.header, found.body
    skipped = list(body.skipped)
    last = header.lines[-1] if header.lines else None
    if last is not None:
        skipped = [*range(last + 1, header.data_from), *skipped]
    options: dict[str, Any] = {}
    if last is None:
        options["header"] = None
        skip: Any = header.data_from if not skipped else [*range(header.data_from), *skipped]
        if skip:
            options["skiprows"] = skip
    else:
        if last:
            options["header"] = last
        if skipped:
            options["skiprows"] = skipped
    below = found.grid.rows_claimed - (body.rows[-1] if body.rows else header.data_from - 1) - 1
    if found.grid.complete and below > 0:
        # With a list of rows to skip, pandas miscounts the rows that it reads of a workbook.
        miscounts = bool(skipped) and origin.is_workbook
        options |= {"skipfooter": below} if miscounts and not found.grid.is_cropped else {"nrows": len(body.rows)}
    return options


def _columns(found: Found, origin: Origin) -> dict[str, Any]:
    """The options that choose and name the columns."""
    block, options = found.block, {}
    if block.left or block.right < found.grid.width or found.grid.is_cropped:
        first, last = get_column_letter(block.left + 1), get_column_letter(block.right)
        numbers = list(range(block.left, block.right))
        options["usecols"] = (f"{first}:{last}" if block.width > 1 else first) if origin.is_workbook else numbers
    if found.names != _names_of_pandas(found) and block.width <= MAX_NAMED:
        options["names"] = found.names
    return options


def _names_of_pandas(found: Found) -> list[Any]:
    """What pandas calls the columns if it is not told; empty if that is not certain."""
    if not found.header.lines:
        return []
    row = found.grid.rows[found.header.lines[-1]][found.block.left : found.block.right]
    certain = all(isinstance(cell, str) and (cell or not found.block.left) for cell in row)
    return unique_names(row) if certain else []


def _notes(found: Found) -> list[str]:
    """What a reader has to know about cells that a program does not see."""
    grid, block, names, notes = found.grid, found.block, found.names, []
    rows = [at for at, row in enumerate(found.body.rows) if row in grid.marks.hidden_rows]
    if rows:
        listed = plain(str(rows), 200) if len(rows) <= 30 else f"{rows[0]} to {rows[-1]}"
        notes.append(f"Rows that are hidden in the sheet are in df too: {len(rows)}, index {listed}.")
    hidden = [names[at] for at in range(block.width) if block.left + at in grid.marks.hidden_columns]
    if hidden:
        notes.append(f"Hidden in the sheet, and in df too: {_listed(hidden)}.")
    errors = {
        names[at]: count
        for at in range(block.width)
        if (count := grid.marks.errors.get(block.left + at, 0)) and grid.complete
    }
    if errors:
        told = ", ".join(f"{count} in {name}" for name, count in list(errors.items())[:_MAX_LISTED])
        notes.append(f"Cells that hold an error such as #N/A or #DIV/0! are missing values: {told}.")
    notes += _headings(found)
    if found.header.lines and found.header.lines[0] > 0 and (above := _above(found)):
        notes.append(f"Above it: {above}")
    return notes


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more


def _headings(found: Found) -> list[str]:
    """Rows among the data that only have a text in the first cell."""
    grid, block, rows = found.grid, found.block, found.body.rows
    if block.width < 3 or len(rows) < 3:
        return []
    kinds = grid.kinds[rows, block.left : block.right]
    alone = ((kinds != BLANK).sum(axis=1) == 1) & (kinds[:, 0] == TEXT)
    if not 0 < alone.sum() <= len(rows) / 2 or (kinds[~alone, 0] == BLANK).any():
        return []
    indexes = np.flatnonzero(alone).tolist()
    shown = ", ".join(plain(grid.rows[rows[at]][block.left], 30) for at in indexes[:4])
    return [f"{len(indexes)} rows are headings of groups, not data ({shown}): df.dropna(thresh=2) leaves them out."]


def _above(found: Found) -> str:
    """The titles between the block's top and the header."""
    grid, block = found.grid, found.block
    cells = [
        shown(cell)
        for row in range(block.top, found.header.lines[0])
        for cell in grid.rows[row][block.left : block.right]
        if cell not in ("", None)
    ]
    return plain("; ".join(cells), 150)
