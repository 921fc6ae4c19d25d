"""Cursors: the end of a page of rows, in a form that is opaque to clients."""

import base64
import json
import math
from dataclasses import dataclass


class BadCursorError(ValueError):
    """Not a cursor of this service."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page, newest first: its time (seconds since the epoch) and, among equals, its key."""

    time: float
    key: str

    def encode(self) -> str:
        """URL-safe text."""
        return base64.urlsafe_b64encode(json.dumps([self.time.hex(), self.key]).encode()).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Raises `BadCursorError`."""
        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            time, key = json.loads(raw)
            cursor = cls(float.fromhex(time), key)
            key.encode()
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise BadCursorError("not a cursor of this service") from error
        if not math.isfinite(cursor.time):
            raise BadCursorError("not a cursor of this service")
        return cursor


START = Cursor(1e18, "")
"""Before the newest row."""
