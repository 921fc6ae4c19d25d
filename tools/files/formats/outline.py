"""Outlines the structure of nested data, so that a program can be written from it."""

from collections.abc import Sequence
from typing import Any

from tools.files.profile import plain

MAX_LINES = 60
MAX_DEPTH = 6
MAX_KEYS = 25
MAX_ELEMENTS = 500
"""Maximum number of elements of one list that are examined."""
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "text", type(None): "null"}


def outline(value: Any) -> list[str]:
    """One line per key, indented by depth: its type, the number of elements, an example."""
    lines: list[str] = []
    _describe("", [value], 0, lines)
    if len(lines) > MAX_LINES:
        return [*lines[:MAX_LINES], "…"]
    return lines


def _describe(label: str, values: Sequence[Any], depth: int, lines: list[str]) -> None:
    """`values` are at the same place in different elements of a list."""
    if len(lines) > MAX_LINES:
        return
    start = "  " * depth + (f"{label}: " if label else "")
    objects = [value for value in values if isinstance(value, dict)]
    arrays = [value for value in values if isinstance(value, list)]
    others = [value for value in values if not isinstance(value, dict | list)]
    parts = [part for part in (_object(objects), _array(arrays), _scalar(others)) if part]
    lines.append(start + " or ".join(parts))
    if depth >= MAX_DEPTH:
        return
    if objects:
        _describe_keys(objects, depth, lines)
    if arrays:
        elements = [element for array in arrays for element in array[:MAX_ELEMENTS]][:MAX_ELEMENTS]
        if any(isinstance(element, dict | list) for element in elements):
            _describe("each", elements, depth + 1, lines)


def _describe_keys(objects: list[dict[str, Any]], depth: int, lines: list[str]) -> None:
    keys = dict.fromkeys(key for value in objects for key in list(value)[: MAX_KEYS + 1])
    for key in list(keys)[:MAX_KEYS]:
        there = [value[key] for value in objects if key in value]
        sometimes = " (not in all)" if len(there) < len(objects) else ""
        _describe(plain(key) + sometimes, there, depth + 1, lines)
    if len(keys) > MAX_KEYS:
        lines.append("  " * (depth + 1) + "…")


def _object(objects: list[dict[str, Any]]) -> str:
    return "object" if objects else ""


def _array(arrays: list[list[Any]]) -> str:
    if not arrays:
        return ""
    sizes = [len(array) for array in arrays]
    count = f"{sizes[0]:,}" if min(sizes) == max(sizes) else f"{min(sizes):,} to {max(sizes):,}"
    kinds = dict.fromkeys(_kind(element) for array in arrays[:50] for element in array[:50])
    return f"list of {count} " + (" or ".join(f"{kind}s" for kind in kinds) or "elements")


def _scalar(values: list[Any]) -> str:
    if not values:
        return ""
    kinds = " or ".join(dict.fromkeys(_kind(value) for value in values))
    examples = list(dict.fromkeys(plain(value, 40) for value in values[:50] if value is not None))[:3]
    return f"{kinds} ({', '.join(examples)})" if examples else kinds


def _kind(value: Any) -> str:
    return _NAMES.get(type(value), "object" if isinstance(value, dict) else "list")
