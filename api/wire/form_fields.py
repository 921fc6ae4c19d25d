"""Converts form fields to those of a JSON body: the same names, with text values."""

import contextlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from api.errors import ApiError, bad_request
from api.json_text import parsed
from api.wire.chat_request import REFUSED

JSON_FIELDS = ("messages", "metadata", "stream_options", "response_format", "tools", "tool_choice")


def form_fields(given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Raises 400 for invalid JSON text."""
    return {name: _field(name, value) for name, value in given}


def urlencoded_fields(body: bytes, *, max_bytes: int, max_fields: int) -> dict[str, Any]:
    """Raises 400, or 413 for a body of more than `max_bytes`."""
    if len(body) > max_bytes:
        raise ApiError(413, "The form is too large; send JSON.", code="form_too_large")
    try:
        return form_fields(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=max_fields))
    except ValueError as error:
        raise bad_request(f"The form is invalid: {error}") from error


def _field(name: str, text: str) -> Any:
    """Parses JSON text in fields that are defined as JSON, or that look like a list."""
    if name in JSON_FIELDS or (name == "stop" and text.startswith("[")):
        return _parsed(name, text)
    if name in REFUSED:
        with contextlib.suppress(ApiError):
            return _parsed(name, text)
    return text or None


def _parsed(name: str, text: str) -> Any:
    return parsed(text.encode("utf-8", "surrogatepass"), f"field {name!r}", name)
