"""JSON: the nested structure, or a table if it is one."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from tools.files.formats import text
from tools.files.formats.outline import outline
from tools.files.formats.records import (
    DIGITS,
    MAX_RECORDS,
    exact_integers,
    flat_table,
    is_flat,
    records_table,
)
from tools.files.inference.conversion import literal
from tools.files.profile import Profile, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Decoding, Source, decoding_of, encoding_doubt, encoding_of, read_text

WHOLE_CHARACTERS = 24_000_000
"""Larger files are not parsed completely: values take ten times the memory of their text."""
PART_CHARACTERS = 4_000_000
MAX_TEXT = 2_000_000


def profile(source: Source) -> Profile:
    encoding = encoding_of(source) or "utf-8"
    decoding = decoding_of(source, encoding)
    content = read_text(source, encoding, WHOLE_CHARACTERS + 1)
    whole = len(content) <= WHOLE_CHARACTERS
    try:
        value = json.loads(content) if whole else list(first_elements(content[:PART_CHARACTERS]))
    except ValueError as error:
        return _as_text(source, plain(error, 120))
    notes = [] if whole else [f"Large: only its first {len(value):,} elements were looked at."]
    notes += filter(None, [encoding_doubt(source, encoding)])
    found = _records(value)
    load, tables = f"import json, pathlib; data = {_parsed(decoding)}", []
    if found is not None:
        frame, load = _table(*found, content if whole else content[:PART_CHARACTERS], decoding, whole=whole)
        tables = [records_table(frame, len(found[0]), load, exact=whole)]
    return Profile(
        kind="json",
        title="JSON",
        bytes=source.size,
        load=load,
        facts={"encoding": encoding},
        tables=tables,
        structure=outline(value),
        preview=passage(content, 600),
        notes=notes,
    )


def sections(source: Source) -> list[Section]:
    """The text itself, whose words can be searched."""
    writer = SectionWriter(MAX_TEXT)
    writer.add(read_text(source, encoding_of(source) or "utf-8", MAX_TEXT))
    return writer.sections


def _table(
    records: list[dict[str, Any]], key: str | None, content: str, decoding: Decoding, *, whole: bool
) -> tuple[pd.DataFrame, str]:
    """`(the table of the records, which are under `key`, the line of Python that loads it)`."""
    integers = exact_integers(records[:MAX_RECORDS])
    place = f"[{literal(key)}]" if key is not None else ""
    if integers is not None:
        again = _again(content, whole=whole)
        frame = integers.apply(pd.json_normalize((again if key is None else again[key])[:MAX_RECORDS]))
        value = f"{_parsed(decoding, DIGITS)}{place}"
        return frame, f"import json, pathlib; df = pd.json_normalize({value}){integers.code}"
    if whole and key is None and is_flat(records):
        frame, load = flat_table(content, decoding, lines=False)
        return frame[:MAX_RECORDS], load
    frame = pd.json_normalize(records[:MAX_RECORDS])
    return frame, f"import json, pathlib; df = pd.json_normalize({_parsed(decoding)}{place})"


def _parsed(decoding: Decoding, options: str = "") -> str:
    """The expression for the file's value."""
    return f"json.loads(pathlib.Path({{name}}).read_text({decoding.arguments}){options})"


def _again(content: str, *, whole: bool) -> Any:
    """The value with integers as texts."""
    return json.loads(content, parse_int=str) if whole else list(first_elements(content, parse_int=str))


def first_elements(content: str, parse_int: Callable[[str], Any] = int) -> Iterator[Any]:
    """The elements of a list whose end may be missing. Raises ValueError if it is not a list."""
    decoder = json.JSONDecoder(parse_int=parse_int)
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


def _records(value: Any) -> tuple[list[dict[str, Any]], str | None] | None:
    """`(a list of objects, its key)`: the value itself, or the only such list under its keys."""
    if _is_records(value):
        return value, None
    if isinstance(value, dict):
        found = [(part, key) for key, part in value.items() if _is_records(part)]
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
