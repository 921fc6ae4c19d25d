"""Parses JSON as models write it: with line breaks in strings, truncated, as a Python literal, or broken."""

import ast
import json
import re
import warnings
from typing import Any

import json_repair
from pydantic_core import from_json

from workspace.syntax import parse_expression

MAX_REPAIRED = 1000
"""Maximum characters of broken JSON that are repaired: the worst case takes half a second, and grows quadratically."""
_DECODER = json.JSONDecoder(strict=False)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")


def read_json(text: str) -> Any:
    """The value of `text`: JSON, an object followed by anything, a truncated object or string, or a Python dictionary.
    None if it is none of these.
    """
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        pass
    for read in (_first_object, _beginning, _python_dictionary):
        if (value := read(text)) is not None:
            return value
    return None


def repair_object(text: str) -> dict[str, Any] | None:
    """The object that `text` may mean, for text that `read_json` cannot parse. A guess: check its keys. None if it is
    not an object, or is longer than `MAX_REPAIRED`.
    """
    if len(text) > MAX_REPAIRED or not text.lstrip().startswith("{"):
        return None
    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _first_object(text: str) -> dict[str, Any] | None:
    try:
        value, _ = _DECODER.raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _beginning(text: str) -> dict[str, Any] | str | None:
    """The complete part of a truncated object or string; None if it is invalid before its end."""
    if not text.lstrip().startswith(("{", '"')):
        return None
    escaped = _STRING.sub(lambda string: _CONTROL.sub(_escape, string[0]), text)
    try:
        from_json(escaped)
    except ValueError as error:
        if "EOF" not in str(error):
            return None
    value: dict[str, Any] | str = from_json(escaped, allow_partial="trailing-strings")
    return value


def _escape(control: re.Match[str]) -> str:
    return json.dumps(control[0])[1:-1]


def _python_dictionary(text: str) -> dict[str, Any] | None:
    try:
        with warnings.catch_warnings(action="ignore"):  # about escapes that Python does not support
            value = ast.literal_eval(parse_expression(text.strip()))
        plain: dict[str, Any] | None = json.loads(json.dumps(value)) if isinstance(value, dict) else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return plain
