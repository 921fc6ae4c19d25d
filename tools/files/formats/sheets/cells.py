"""What the cells of a sheet's columns mean: the types of the cells, and the general decision about texts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from tools.files.formats.sheets.grid import Grid
from tools.files.formats.sheets.load import COLUMN
from tools.files.formats.sheets.regions import Block
from tools.files.inference.column_type import ColumnType
from tools.files.inference.conversion import conversion, literal
from tools.files.inference.infer import Habits, habits_of, infer, infer_columns
from tools.files.inference.missing_values import is_mark
from tools.files.profile import ValueKind, plain

MAX_COLUMNS = 200
"""Columns whose meaning is decided; the others are as pandas reads them."""
_SHOWN = 3
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Columns:
    """The decision about each column by name, and what it takes besides options of pandas."""

    types: dict[str, ColumnType]
    objects: list[str] = field(default_factory=list)
    """Columns that have to be read as they are, for the changes."""
    changes: dict[str, str] = field(default_factory=dict)
    """Expressions that change columns after the conversions of the general decision."""


def decide(grid: Grid, block: Block, names: Sequence[str], rows: Sequence[int]) -> Columns:
    """From all cells of the rows."""
    cells = [grid.column(column, rows) for column in range(block.left, min(block.right, block.left + MAX_COLUMNS))]
    types = infer_columns([_reduced(values) for values in cells])
    habits = habits_of(types)
    decided = Columns({})
    for at, (name, one, values) in enumerate(zip(names, types, cells, strict=False)):
        digits = grid.marks.zeros.get(block.left + at)
        if digits is not None and all(_is_whole(cell) for cell in values if cell != ""):
            decided.types[name] = ColumnType("text", f"codes of {digits} digits by their number format", digits=True)
            decided.changes[name] = f"{COLUMN}.str.zfill({digits})"
        elif one.kind == "mixed":
            decided.types[name] = _of_mixed(name, values, habits, decided)
        else:
            decided.types[name] = one
    return decided


def _reduced(cells: Sequence[Any]) -> list[Any]:
    """The distinct cells, because a decision about 200,000 takes long. Like pandas, whole numbers become integers."""
    distinct = list(dict.fromkeys(cells))
    kinds = set(map(type, distinct))
    if kinds <= {float, str} and float in kinds and len(distinct) > _MANY:
        texts = [cell for cell in distinct if isinstance(cell, str)]
        numbers = [cell for cell in distinct if not isinstance(cell, str)]
        odd = next((number for number in numbers if not number.is_integer()), None)
        return [*texts, odd] if odd is not None else [*texts, *map(int, (min(numbers), max(numbers)))]
    return [_whole(cell) for cell in distinct]


def _is_whole(cell: Any) -> bool:
    return cell.isdigit() if isinstance(cell, str) else isinstance(cell, int | float) and float(cell).is_integer()


def _whole(cell: Any) -> Any:
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _of_mixed(name: str, values: Sequence[Any], habits: Habits, decided: Columns) -> ColumnType:
    """Numbers or dates of which some are stored as text."""
    present = [value for value in values if value != ""]
    if all(isinstance(value, timedelta) for value in present):
        return ColumnType("time", "durations", gaps=len(present) < len(values))
    texts = sorted({value for value in present if isinstance(value, str)})
    others = infer([_whole(value) for value in present if not isinstance(value, str)])
    told = infer(texts, habits)
    how = conversion(told)
    numeric = {"integer", "number"}
    alike = {others.kind, told.kind} <= numeric or others.kind == told.kind == "date"
    if others.kind == "integer" and told.kind == "text" and told.why:
        return replace(told, gaps=told.gaps or len(present) < len(values))  # codes of which some are numbers
    if not alike or how is None:
        return ColumnType("mixed", doubt=_doubt(others, texts, values), digits=False)
    marks = tuple(text for text in texts if text in told.missing or is_mark(text.strip()))
    kind: ValueKind = "date" if told.kind == "date" else "number" if "number" in (told.kind, others.kind) else "integer"
    why = "; ".join(part for part in ("some stored as text", told.why) if part)
    found = ColumnType(kind, why, told.doubt, gaps=others.gaps or bool(marks))
    if told.number is not None and _is_ordinary(told):
        return replace(found, missing=marks)
    decided.objects.append(name)
    convert = "pd.to_numeric" if told.kind in numeric else "pd.to_datetime"
    kept = f"{COLUMN}.mask({COLUMN}.isin({literal(list(marks))}))" if marks else COLUMN
    texts_of = "c[c.map(type) == str].astype(str)"
    decided.changes[name] = f"{kept}.pipe(lambda c: {convert}(c.mask(c.map(type) == str, {how.code(texts_of)})))"
    return found


def _is_ordinary(texts: ColumnType) -> bool:
    """Whether pandas reads these numbers by itself."""
    number = texts.number
    return number is not None and number.plain and not texts.padded and number.decimal != "," and not number.thousands


def _doubt(others: ColumnType, texts: Sequence[str], values: Sequence[Any]) -> str:
    if not texts or others.kind in ("mixed", "empty"):
        return "values of different types; kept as they are"
    count = sum(isinstance(value, str) and value != "" for value in values)
    shown = ", ".join(repr(plain(text, 20)) for text in texts[:_SHOWN])
    return f"{others.kind} except for {count:,} text{'s' if count != 1 else ''} such as {shown}; kept as they are"
