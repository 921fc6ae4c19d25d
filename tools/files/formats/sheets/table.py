"""One table of a sheet: what it holds, and how it is loaded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from openpyxl.utils import get_column_letter

from tools.files.columns import describe_columns, head_rows
from tools.files.formats.sheets.cells import Columns, decide
from tools.files.formats.sheets.found import Found
from tools.files.formats.sheets.load import Recipe, assigned
from tools.files.formats.sheets.merged import fill
from tools.files.formats.sheets.remarks import remarks
from tools.files.inference.conversion import literal
from tools.files.inference.read_options import reading
from tools.files.profile import DAMAGE, Table
from tools.files.rows import unique_names

MAX_NAMED = 200
"""Columns of a table whose names the load line may give."""


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


def load_table(found: Found, origin: Origin, name: str | None, notes: Sequence[str]) -> tuple[Table, pd.DataFrame]:
    """Raises what pandas raises if it cannot be loaded."""
    grid, block, names, rows = found.grid, found.block, found.names, found.body.rows
    decided = decide(grid, block, names, rows)
    filled = fill(grid, block, names, rows)
    try:
        recipe = _recipe(found, origin, decided, filled.changes)
        frame = recipe.run(origin.opened(), origin.limits)
    except DAMAGE:  # the decision does not fit what pandas makes of the cells
        decided, recipe = Columns({}), _recipe(found, origin, None, filled.changes)
        frame = recipe.run(origin.opened(), origin.limits)
    spacers = found.spacers
    types = [one for name, one in decided.types.items() if name not in spacers]
    total = len(frame) if grid.complete else max(len(frame), grid.rows_claimed - found.header.data_from)
    table = Table(
        name=name,
        columns=describe_columns(frame, types),
        column_count=frame.shape[1],
        rows=total,
        rows_exact=grid.complete,
        sampled_rows=None if grid.complete else len(frame),
        head=head_rows(frame),
        load=recipe.code,
        notes=[*notes, *filled.notes, *remarks(found), *found.header.notes, *found.body.notes],
    )
    return table, frame


def _recipe(found: Found, origin: Origin, decided: Columns | None, filled: Mapping[str, str]) -> Recipe:
    options: dict[str, Any] = dict(origin.options)
    options |= _rows(found, origin) | _columns(found, origin)
    after = ""
    if decided is None:
        options["dtype"] = "object"
    else:
        read = reading(decided.types)
        options |= read.options
        if decided.objects:
            dtype = options.get("dtype", {})
            base = dtype if isinstance(dtype, dict) else dict.fromkeys(found.names, dtype)
            options["dtype"] = base | dict.fromkeys(decided.objects, "object")
        after = read.assignments + assigned(decided.changes)
    after += assigned(filled)
    if found.spacers and found.block.width <= MAX_NAMED:
        after += f".drop(columns={literal(found.spacers)})"
    return Recipe(origin.function, origin.source, options, after, origin.setup)


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
    block, row = found.block, found.grid.rows[found.header.lines[-1]]
    cells = row[block.left : block.right]
    certain = all(isinstance(cell, str) and (cell or not block.left) for cell in cells)
    alone = cells == row or not any(cell and row.count(cell) > 1 for cell in cells)  # else names elsewhere change them
    return unique_names(cells) if certain and alone else []
