"""JSON Lines: one value per line."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from tools.files.formats.outline import outline
from tools.files.formats.records import (
    DIGITS,
    MAX_RECORDS,
    exact_integers,
    flat_table,
    is_flat,
    records_table,
)
from tools.files.profile import FileUnreadable, Profile, passage
from tools.files.sections import Section, SectionWriter
from tools.files.source import Decoding, Source, decoding_of, encoding_doubt, encoding_of, head_text

MAX_BYTES = 8 << 20
"""Bytes of the file that are parsed."""
MAX_LINE = 4 << 20
MAX_TEXT = 2_000_000
MAX_BAD = 50
"""Invalid lines that a line of Python can leave out."""
_CHUNK = 1 << 20

Lines = Sequence[tuple[str, Any]]
"""Each line with its value."""


def profile(source: Source) -> Profile:
    encoding = encoding_of(source) or "utf-8"
    decoding = decoding_of(source, encoding)
    lines, bad, complete = _values(source, encoding)
    values = [value for _, value in lines]
    if not values:
        raise FileUnreadable("None of its first lines is valid JSON.")
    rows = len(values) if complete else max(len(values), _count_lines(source))
    notes = [] if complete else [f"Large: statistics rest on its first {len(values):,} lines."]
    if bad:
        what = "1 line is" if len(bad) == 1 else f"{len(bad):,} lines are"
        notes.append(f"{what} no valid JSON" + (" and left out." if len(bad) <= MAX_BAD else "."))
    notes += filter(None, [encoding_doubt(source, encoding)])
    load, tables = f"import json, pathlib; data = [{_parsed(decoding, bad)}]", []
    if all(isinstance(value, dict) for value in values):
        frame, load = _table(lines, decoding, bad)
        tables = [records_table(frame, rows, load, exact=complete)]
    return Profile(
        kind="jsonl",
        title="JSON Lines",
        bytes=source.size,
        load=load,
        facts={"encoding": encoding, "lines": rows},
        tables=tables,
        structure=outline(values),
        preview=passage(head_text(source, encoding), 600),
        notes=notes,
    )


def sections(source: Source) -> list[Section]:
    writer = SectionWriter(MAX_TEXT)
    lines, _, _ = _values(source, encoding_of(source) or "utf-8")
    for start in range(0, len(lines), 50):
        writer.add("\n".join(json.dumps(value, ensure_ascii=False) for _, value in lines[start : start + 50]))
    return writer.sections


def _table(lines: Lines, decoding: Decoding, bad: Sequence[int]) -> tuple[pd.DataFrame, str]:
    """`(the table of the lines, which are objects, the line of Python that loads it)`."""
    records = [value for _, value in lines]
    integers = exact_integers(records)
    if integers is not None:
        again = [json.loads(line, parse_int=str) for line, _ in lines]
        frame = integers.apply(pd.json_normalize(again))
        return frame, f"import json, pathlib; df = pd.json_normalize([{_parsed(decoding, bad, DIGITS)}]){integers.code}"
    if bad or not is_flat(records):
        return pd.json_normalize(records), f"import json, pathlib; df = pd.json_normalize([{_parsed(decoding, bad)}])"
    text = "\n".join(line.strip() for line, _ in lines)
    return flat_table(text, decoding, lines=True)


def _parsed(decoding: Decoding, bad: Sequence[int], options: str = "") -> str:
    """The expression for the value of each line."""
    file = f'pathlib.Path({{name}}).read_text({decoding.arguments}).split("\\n")'
    if not bad or len(bad) > MAX_BAD:
        return f"json.loads(line{options}) for line in {file} if line.strip()"
    left_out = f"n not in {{{', '.join(map(str, bad))}}}"
    return f"json.loads(line{options}) for n, line in enumerate({file}) if line.strip() and {left_out}"


def _values(source: Source, encoding: str) -> tuple[list[tuple[str, Any]], list[int], bool]:
    """`(the lines with their values, numbers of the invalid lines, whether these are all)`."""
    values: list[tuple[str, Any]] = []
    bad: list[int] = []
    read = 0
    for number, line in enumerate(_lines(source, encoding)):
        read += len(line)
        if read > MAX_BYTES or len(values) >= MAX_RECORDS:
            return values, bad, False
        if line.strip():
            try:
                values.append((line, json.loads(line)))
            except ValueError:
                bad.append(number)
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
