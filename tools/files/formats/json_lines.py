"""JSON Lines: one value per line."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tools.files.formats.json import MAX_RECORDS, records_table
from tools.files.formats.outline import outline
from tools.files.profile import FileUnreadable, Profile, passage
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source, encoding_of, head_text

MAX_BYTES = 8 << 20
"""Bytes of the file that are parsed."""
MAX_LINE = 4 << 20
MAX_TEXT = 2_000_000
_CHUNK = 1 << 20


def profile(source: Source) -> Profile:
    encoding = encoding_of(source) or "utf-8"
    values, bad, complete = _values(source, encoding)
    if not values:
        raise FileUnreadable("None of its first lines is valid JSON.")
    rows = len(values) if complete else max(len(values), _count_lines(source))
    notes = [] if complete else [f"Large: statistics rest on its first {len(values):,} lines."]
    if bad:
        notes.append(f"{bad:,} lines are no valid JSON.")
    option = "" if encoding in ("utf-8", "utf-8-sig") else f', encoding="{encoding}"'
    load = f"df = pd.read_json({{name}}, lines=True{option})"
    flat = all(isinstance(value, dict) for value in values)
    if flat and any(isinstance(part, dict) for value in values[:100] for part in value.values()):
        load = f'df = pd.json_normalize(pd.read_json({{name}}, lines=True{option}).to_dict("records"))'
    frame = pd.json_normalize(values[:MAX_RECORDS]) if flat else None
    return Profile(
        kind="jsonl",
        title="JSON Lines",
        bytes=source.size,
        load=load,
        facts={"encoding": encoding, "lines": rows},
        tables=[records_table(frame, rows, load, exact=complete)] if frame is not None else [],
        structure=outline(values),
        preview=passage(head_text(source, encoding), 600),
        notes=notes,
    )


def sections(source: Source) -> list[Section]:
    writer = SectionWriter(MAX_TEXT)
    values, _, _ = _values(source, encoding_of(source) or "utf-8")
    for start in range(0, len(values), 50):
        writer.add("\n".join(json.dumps(value, ensure_ascii=False) for value in values[start : start + 50]))
    return writer.sections


def _values(source: Source, encoding: str) -> tuple[list[Any], int, bool]:
    """`(values, number of invalid lines, whether these are all)`."""
    values: list[Any] = []
    bad = read = 0
    for line in _lines(source, encoding):
        read += len(line)
        if read > MAX_BYTES or len(values) >= MAX_RECORDS:
            return values, bad, False
        if line.strip():
            try:
                values.append(json.loads(line))
            except ValueError:
                bad += 1
    return values, bad, True


def _lines(source: Source, encoding: str) -> Iterator[str]:
    with source.path.open(encoding=encoding, errors="replace") as file:
        while line := file.readline(MAX_LINE):
            if len(line) == MAX_LINE and not line.endswith("\n"):
                raise FileUnreadable(f"It has a line of more than {MAX_LINE >> 20} million characters.")
            yield line.removeprefix("\ufeff")


def _count_lines(source: Source) -> int:
    count = 0
    with source.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            count += chunk.count(b"\n")
    return count
