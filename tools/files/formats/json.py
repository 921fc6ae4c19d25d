"""JSON: the nested structure, or a table if it is one."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tools.files.columns import describe_columns, head_rows
from tools.files.formats import text
from tools.files.formats.outline import outline
from tools.files.profile import Profile, Table, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source, encoding_of, read_text

WHOLE_CHARACTERS = 24_000_000
"""Larger files are not parsed completely: values take ten times the memory of their text."""
PART_CHARACTERS = 4_000_000
MAX_RECORDS = 20_000
MAX_TEXT = 2_000_000


def profile(source: Source) -> Profile:
    encoding = encoding_of(source) or "utf-8"
    content = read_text(source, encoding, WHOLE_CHARACTERS + 1)
    whole = len(content) <= WHOLE_CHARACTERS
    try:
        value = json.loads(content) if whole else list(first_elements(content[:PART_CHARACTERS]))
    except ValueError as error:
        return _as_text(source, plain(error, 120))
    quoted = "" if encoding == "utf-8" else f'encoding="{encoding}"'
    loading = f"import json, pathlib; data = json.loads(pathlib.Path({{name}}).read_text({quoted}))"
    found = _records(value)
    notes = [] if whole else [f"Large: only its first {len(value):,} elements were looked at."]
    if found is None:
        table, load = [], loading
    else:
        records, path = found
        frame = pd.json_normalize(records[:MAX_RECORDS])
        load = f"{loading}; df = pd.json_normalize(data{path})"
        table = [records_table(frame, len(records), load, exact=whole)]
    return Profile(
        kind="json",
        title="JSON",
        bytes=source.size,
        load=load,
        facts={"encoding": encoding},
        tables=table,
        structure=outline(value),
        preview=passage(content, 600),
        notes=notes,
    )


def sections(source: Source) -> list[Section]:
    """The text itself, whose words can be searched."""
    writer = SectionWriter(MAX_TEXT)
    writer.add(read_text(source, encoding_of(source) or "utf-8", MAX_TEXT))
    return writer.sections


def records_table(frame: pd.DataFrame, rows: int, load: str, *, exact: bool) -> Table:
    """A list of objects as a table; nested keys are joined with dots."""
    return Table(
        columns=describe_columns(frame),
        column_count=frame.shape[1],
        rows=rows,
        rows_exact=exact,
        sampled_rows=None if exact and rows == len(frame) else len(frame),
        head=head_rows(frame),
        load=load,
    )


def first_elements(content: str) -> Iterator[Any]:
    """The elements of a list whose end may be missing. Raises ValueError if it is not a list."""
    decoder = json.JSONDecoder()
    at = content.find("[") + 1
    if not at or content[: at - 1].strip():
        raise ValueError("it is too large to be read as a whole, and no list")
    while True:
        while content[at : at + 1] in (" ", "\n", "\t", ","):
            at += 1
        try:
            element, at = decoder.raw_decode(content, at)
        except ValueError:  # the sampled part ends within this element, or the list is at its end
            return
        yield element


def _records(value: Any) -> tuple[list[dict[str, Any]], str] | None:
    """`(a list of objects, how to access it)`: the value itself, or the only such list under its keys."""
    if _is_records(value):
        return value, ""
    if isinstance(value, dict):
        found = [(part, f'["{key}"]') for key, part in value.items() if _is_records(part) and '"' not in key]
        if len(found) == 1 and found[0][1] == plain(found[0][1]):
            return found[0]
    return None


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(element, dict) for element in value)


def _as_text(source: Source, why: str) -> Profile:
    shown = text.profile(source)
    return Profile(
        kind="json" if source.suffix == ".json" else "text",
        title="text that is no valid JSON" if source.suffix == ".json" else shown.title,
        bytes=source.size,
        load=shown.load,
        facts=shown.facts,
        preview=shown.preview,
        notes=[f"json.loads() fails: {why}."] if source.suffix == ".json" else [],
    )
