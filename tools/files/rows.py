"""Rows of tables, as text and as a data frame."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tools.files.columns import head_rows
from tools.files.profile import MAX_COLUMNS, plain
from tools.files.sections import Section, SectionWriter

SECTION_ROWS = 50
MAX_TEXT = 2_000_000


def rows_as_text(
    frame: pd.DataFrame, heading: str | None = None, *, writer: SectionWriter | None = None
) -> list[Section]:
    """`column: value, column: value` per row, `SECTION_ROWS` rows per section, added to the writer's sections."""
    writer = writer or SectionWriter(MAX_TEXT)
    names = [plain(name) for name in frame.columns[:MAX_COLUMNS]]
    for start in range(0, len(frame), SECTION_ROWS):
        if writer.full:
            break
        rows = head_rows(frame.iloc[start : start + SECTION_ROWS], SECTION_ROWS)
        lines = [", ".join(f"{name}: {cell}" for name, cell in zip(names, row, strict=True) if cell) for row in rows]
        writer.add("\n".join(lines), heading=heading)
    return writer.sections


def unique_names(names: Sequence[str]) -> list[str]:
    """With repeated and empty names as in pandas."""
    seen: dict[str, int] = {}
    unique = []
    for at, name in enumerate(names):
        wanted = chosen = name or f"Unnamed: {at}"
        while chosen in seen:
            chosen = f"{wanted}.{seen[wanted]}"
            seen[wanted] += 1
        seen[chosen] = 1
        unique.append(chosen)
    return unique


def with_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Text columns that contain only numbers, as numbers."""
    return frame.apply(_numbers) if len(frame) else frame


def _numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    converted = pd.to_numeric(column.str.replace(",", ""), errors="coerce")
    return converted if bool(converted.notna().all()) else column
