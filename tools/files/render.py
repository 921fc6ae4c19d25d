"""Renders a profile as text: short for the prompts of a small model, longer as the file analyzer's observation."""

import json
from dataclasses import asdict
from typing import Any

from tools.files.profile import Column, Fact, Profile, Table, plain

SHORT = 1200
"""Maximum characters of one file in a prompt."""
_SHEETS = ("xlsx", "xlsb", "xls", "ods", "spreadsheet_xml")
_TABULAR = ("csv", "parquet", "json", "jsonl", *_SHEETS)
LONG = 6000
"""Maximum characters of an observation."""
_SHAPES = ((6, 3, 40, 8), (0, 3, 40, 8), (0, 2, 25, 6), (0, 1, 15, 4), (0, 1, 8, 3), (0, 0, 8, 3))
"""`(distinct values shown, first rows, columns, tables)`: the first one that fits is used."""


def human_size(size: float) -> str:
    if size < 1000:
        return f"{size:.0f} bytes"
    for unit in ("kB", "MB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} GB"


def short(profile: Profile, name: str) -> str:
    """At most about `SHORT` characters."""
    text = ""
    for shape in _SHAPES:
        text = "\n".join(_short_lines(profile, name, *shape))
        if len(text) <= SHORT:
            return text
    return text[: SHORT - 1] + "…"


def _short_lines(profile: Profile, name: str, values: int, rows: int, columns: int, tables: int) -> list[str]:
    lines = [f"- {file_label(name)} ({human_size(profile.bytes)}): {_headline(profile)}"]
    lines += [f"  note: {note}" for note in profile.notes[:2]]
    is_table = profile.kind in _TABULAR
    if profile.load and not (is_table and profile.tables):
        lines += _load_lines("  load", profile.load, name)
    if not is_table:
        lines += _short_text(profile, rows)
    for table in profile.tables[:tables]:
        lines += _short_table(profile, table, name, values, rows, columns)
    if len(profile.tables) > tables:
        lines.append(f"  and {len(profile.tables) - tables} more: {', '.join(_labels(profile, tables))}"[:200])
    if is_table and profile.structure:
        lines += [f"  {line}" for line in profile.structure[: rows * 4 + 2]]
    return lines


def _short_text(profile: Profile, rows: int) -> list[str]:
    lines = [f"  {line}" for line in profile.structure[: rows * 4 + 2]]
    begin = [line for line in profile.preview.splitlines() if line.strip()]
    if begin and rows:
        lines += ["  begins:", *(f"    {line[:200]}" for line in begin[: rows + 1])]
    return lines


def _headline(profile: Profile) -> str:
    parts = [profile.title]
    if len(profile.tables) == 1 and profile.tables[0].name is None:
        parts.append(_extent(profile.tables[0]))
    parts += [_told(key, profile.facts[key]) for key in ("pages", "slides", "size", "members") if key in profile.facts]
    if title := profile.facts.get("title"):
        parts.append(f'"{title}"')
    return ", ".join(parts)


def _told(key: str, value: Fact) -> str:
    return str(value) if key == "size" else f"{value} {key}"


def _extent(table: Table) -> str:
    about = "" if table.rows_exact else "about "
    return f"{about}{_count(table.rows, 'row')} × {_count(table.column_count, 'column')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _short_table(profile: Profile, table: Table, name: str, values: int, rows: int, columns: int) -> list[str]:
    lines = []
    if table.name is not None:
        lines.append(f"  {_label(profile, table)}: {_extent(table)}")
    if table.load:
        lines += _load_lines("  load", table.load, name)
    lines += [f"  note: {note}" for note in table.notes[:3]]
    lines += [f"  doubt: {column.name}: {column.doubt}" for column in table.columns[:columns] if column.doubt][:3]
    if table.columns:
        listed = ", ".join(_short_column(column, values) for column in table.columns[:columns])
        more = table.column_count - min(columns, len(table.columns))
        lines.append(f"  columns: {listed}" + (f", and {more} more" if more > 0 else ""))
    if rows and table.head:
        lines.append("  first rows:")
        lines += ["    " + ",".join(row[:columns])[:200] for row in table.head[:rows]]
    return lines


def _short_column(column: Column, values: int) -> str:
    shown = f", {column.why}" if column.why and values else ""
    if column.kind == "text" and column.distinct is not None and 0 < column.distinct <= values:
        shown += ": " + "/".join(column.examples[:values])
    return f"{column.name} ({column.kind}{shown})"


def long(profile: Profile, name: str) -> str:
    """Everything that fits into `LONG` characters, most useful first."""
    lines = [f"{file_label(name)}: {_headline(profile)}, {human_size(profile.bytes)}"]
    if profile.load and all(table.load != profile.load for table in profile.tables):
        lines += _load_lines("Load it with", profile.load, name)
    lines += [f"Note: {note}" for note in profile.notes]
    lines += [
        f"{key.replace('_', ' ')}: {_fact(value)}" for key, value in profile.facts.items() if value not in (None, "")
    ]
    share = LONG // max(1, min(len(profile.tables), 6))
    for table in profile.tables:
        lines += _bounded(_long_table(profile, table, name), share)
    if profile.structure:
        lines += ["", "Structure:", *profile.structure]
    if profile.preview:
        lines += ["", "It begins:", profile.preview]
    return "\n".join(_bounded(lines, LONG))


def _long_table(profile: Profile, table: Table, name: str) -> list[str]:
    lines = ["", f"{_label(profile, table)}: {_extent(table)}"]
    if table.load:
        lines += _load_lines("Load it with", table.load, name)
    if table.sampled_rows is not None:
        lines.append(f"The statistics rest on a sample of {table.sampled_rows:,} rows.")
    lines += [f"Note: {note}" for note in table.notes]
    lines += [_long_column(column) for column in table.columns]
    if table.column_count > len(table.columns):
        lines.append(f"and {table.column_count - len(table.columns):,} more columns")
    if table.head:
        lines += ["First rows:", *(" | ".join(row) for row in table.head)]
    return lines


def _long_column(column: Column) -> str:
    parts = [f"{column.kind}, {column.dtype}", *filter(None, (column.why, column.doubt))]
    if column.minimum is not None and column.maximum is not None:
        parts.append(f"{column.minimum} to {column.maximum}")
    if column.mean is not None:
        parts.append(f"mean {column.mean:g}")
    if column.missing:
        parts.append(f"{column.missing:,} missing")
    if column.distinct is not None:
        parts.append(f"{column.distinct:,} different")
    if column.examples and column.kind not in ("integer", "number"):
        parts.append("such as " + ", ".join(column.examples[:5]))
    return f"- {column.name}: {'; '.join(parts)}"


def _bounded(lines: list[str], limit: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        limit -= len(line) + 1
        if limit < 0:
            room = limit + len(line)
            return [*kept, *([line[:room] + "…"] if room > 80 else []), "(the rest is left out)"]
        kept.append(line)
    return kept


def _fact(value: Fact) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return plain(text, 300)


def _label(profile: Profile, table: Table) -> str:
    return f'sheet "{table.name}"' if profile.kind in _SHEETS else table.name or "table"


def _labels(profile: Profile, start: int) -> list[str]:
    return [_label(profile, table) for table in profile.tables[start:]]


def as_data(profile: Profile, name: str) -> dict[str, Any]:
    """The profile as plain JSON, with the file's name and its complete lines of Python."""
    data = asdict(profile)
    for part in (data, *data["tables"]):
        part["load"] = _filled(part["load"], name) if part["load"] else None
    return {"filename": name, **data}


def loading(profile: Profile, name: str) -> str | None:
    """One line of Python that loads the file, or its only table; None if there is none."""
    load = profile.load or (profile.tables[0].load if len(profile.tables) == 1 else None)
    return _filled(load, name) if load else None


def _load_lines(label: str, load: str, name: str) -> list[str]:
    """Code of several lines begins in a line of its own, so that it can be copied."""
    code = _filled(load, name)
    return [f"{label}:", *code.splitlines()] if "\n" in code else [f"{label}: {code}"]


def _filled(load: str, name: str) -> str:
    """The line with the file's name as a Python literal."""
    return load.replace("{name}", literal(name))


def file_label(name: str) -> str:
    """The name, quoted and escaped if it has invisible or misleading characters."""
    return name if name == plain(name, 1000) else literal(name)


def literal(name: str) -> str:
    """The name as a Python literal, with invisible or misleading characters escaped."""
    return json.dumps(name, ensure_ascii=False) if name == plain(name, 1000) else ascii(name)
