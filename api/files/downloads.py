"""File downloads: from an open descriptor, and with headers that keep browsers from executing anything."""

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO
from urllib.parse import quote

import anyio
from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from api.errors import ApiError

INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}
"""Types that a browser may show inline; everything else is a download."""
SAFE = {
    "X-Content-Type-Options": "nosniff",
    # If a browser opens it anyway: a document without an origin, scripts, forms or requests.
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
_RANGES = re.compile(r"bytes\s*=\s*(?:\d{1,18}-\d{0,18}|-\d{1,18})(?:\s*,\s*(?:\d{1,18}-\d{0,18}|-\d{1,18}))*\s*")


def content_disposition(name: str, kind: str = "attachment") -> str:
    """RFC 6266: a plain name for old clients, and the real one in RFC 5987's encoding. No character of `name` can end a
    parameter or the header.
    """
    plain = re.sub(r'[^\x20-\x7e]|["\\%;=]', "_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


class Download(FileResponse):
    """Starlette's file response (ranges, ETag, HEAD) for an open file, which it closes.

    Programs may still write to a session's file, so at most the announced number of bytes is sent.
    """

    def __init__(self, file: BinaryIO, name: str, mime: str) -> None:
        self._file = file
        self._stat = os.fstat(file.fileno())
        inline = mime in INLINE
        super().__init__(
            f"/dev/fd/{file.fileno()}",
            media_type=mime if inline else "application/octet-stream",
            stat_result=self._stat,
            headers={**SAFE, "Content-Disposition": content_disposition(name, "inline" if inline else "attachment")},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(self._with_sound_range(scope), receive, send)
        finally:
            self._file.close()

    def _with_sound_range(self, scope: Scope) -> Scope:
        """Ignore a malformed range (RFC 9110, 14.2). Raises 416 for one outside the file."""
        headers = Headers(scope=scope)
        given = headers.get("range")
        if given is None:
            return scope
        ranges = list(_ranges(given))
        if not ranges or any(first is not None and last is not None and first > last for first, last in ranges):
            return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        size = self._stat.st_size
        condition = headers.get("if-range")
        if condition in (None, self.headers["etag"], self.headers["last-modified"]) and not all(
            first < size if first is not None else bool(last) and size > 0 for first, last in ranges
        ):
            raise ApiError(
                416,
                f"The range is outside the file, which has {size} bytes.",
                param="Range",
                code="range_not_satisfiable",
                headers={"Content-Range": f"bytes */{size}"},
            )
        return scope

    @asynccontextmanager
    async def _open_file(self) -> AsyncIterator[Any]:
        yield _Bounded(self._file, self._stat.st_size)


class _Bounded:
    """Reads at most the first `size` bytes of a file, with anyio's interface."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._at = 0

    async def seek(self, at: int) -> int:
        self._at = at
        return at

    async def read(self, count: int) -> bytes:
        wanted = min(count, self._size - self._at)
        data = await anyio.to_thread.run_sync(os.pread, self._file.fileno(), max(wanted, 0), self._at)
        self._at += len(data)
        return data


def _ranges(header: str) -> Iterator[tuple[int | None, int | None]]:
    """First and last byte of each range as written; nothing if the header is not a list of byte ranges."""
    if not _RANGES.fullmatch(header):
        return
    for part in header.partition("=")[2].split(","):
        first, _, last = part.strip().partition("-")
        yield (int(first) if first else None, int(last) if last else None)
