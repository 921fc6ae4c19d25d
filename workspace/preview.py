"""A few lines about a file, so that the first program that reads it is right.

Reads at most `HEAD_BYTES`, with the standard library alone, so that no file can hurt the service.
"""

import csv
import io
import re
from pathlib import Path

from workspace.folder import FileInfo

HEAD_BYTES = 64 * 1024
MAX_COLUMNS = 40
SAMPLE_ROWS = 3
MAX_LINE = 200
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?")


def preview(folder: Path, info: FileInfo) -> str:
    """The file's name and size; for a table its columns, types and first rows; for text its first lines."""
    title = f"- {info.name} ({human_size(info.bytes)})"
    try:
        with (folder / info.name).open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return title
    text = _text(head)
    if text is None:
        return title
    if len(head) == HEAD_BYTES:
        text = text.rpartition("\n")[0]
    body = _table(text) if info.name.lower().endswith((".csv", ".tsv")) else None
    return title + "\n" + (body or _first_lines(text))


def human_size(size: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size = size / 1000  # type: ignore[assignment]
    return f"{size:.1f} GB"


def _text(head: bytes) -> str | None:
    if b"\0" in head:
        return None
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # a character cut at the end of what was read is no reason to call the file binary
        return head[: error.start].decode("utf-8-sig") if error.start > len(head) - 4 else None


def _first_lines(text: str) -> str:
    lines = [line[:MAX_LINE] for line in text.splitlines()[:SAMPLE_ROWS]]
    return "\n".join(f"    {line}" for line in lines)


def _table(text: str) -> str | None:
    """Columns with types and the first rows; None when it is no table."""
    try:
        dialect = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
        rows = list(csv.reader(io.StringIO(text), dialect))
    except csv.Error:
        return None
    rows = [row for row in rows if row]
    if len(rows) < 2:
        return None
    header, body = rows[0], rows[1:]
    columns = ", ".join(
        f"{name} ({_kind([row[at] for row in body if at < len(row)])})" for at, name in enumerate(header[:MAX_COLUMNS])
    )
    more = f", and {len(header) - MAX_COLUMNS} more" if len(header) > MAX_COLUMNS else ""
    samples = "\n".join("    " + dialect.delimiter.join(row)[:MAX_LINE] for row in body[:SAMPLE_ROWS])
    hint = "" if dialect.delimiter == "," else f"  separator: {dialect.delimiter!r}\n"
    return f"{hint}  columns: {columns}{more}\n  first rows:\n{samples}"


def _kind(values: list[str]) -> str:
    present = [value.strip() for value in values if value.strip()]
    for kind, pattern in (("integer", _INTEGER), ("number", _NUMBER), ("date", _DATE)):
        if present and all(pattern.fullmatch(value) for value in present):
            return kind
    return "text"
