"""A session's files as one ZIP archive, within limits: compressing costs processor time, and files with holes cost
their owner nothing.
"""

import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starlette.concurrency import iterate_in_threadpool
from zipstream import ZipStream

from api.errors import ApiError
from workspace.folder import FileInfo
from workspace.safe_open import open_inside

CHUNK = 1 << 18
MAX_AT_ONCE = 2
"""Archives that are made for one user at the same time."""


@dataclass(frozen=True, slots=True)
class Archives:
    """Makes archives of up to `max_bytes`, before compression."""

    max_bytes: int
    _under_way: Counter[str] = field(default_factory=Counter)

    def open(self, user: str, folder: Path, files: Sequence[FileInfo]) -> AsyncIterator[bytes]:
        """The archive in pieces. Raises 413 for files that are too large, 429 for too many archives at once."""
        if sum(file.bytes for file in files) > self.max_bytes:
            message = f"The files have more than {self.max_bytes >> 20} MB together; download them one by one."
            raise ApiError(413, message, code="archive_too_large")
        if self._under_way[user] >= MAX_AT_ONCE:
            message = f"{MAX_AT_ONCE} of your archives are being made. Wait for one to finish."
            raise ApiError(429, message, code="too_many_archives", headers={"Retry-After": "1"})
        return self._pieces(user, folder, files)

    async def _pieces(self, user: str, folder: Path, files: Sequence[FileInfo]) -> AsyncIterator[bytes]:
        self._under_way[user] += 1
        try:
            async for piece in iterate_in_threadpool(zipped(folder, files)):
                yield piece
        finally:
            self._under_way[user] -= 1


def zipped(folder: Path, files: Sequence[FileInfo]) -> Iterator[bytes]:
    """The archive in pieces; blocking, call it in a thread. Files that no longer exist are skipped, and of files that
    have grown, only as much is read as they had.
    """
    archive = ZipStream(compress_type=zipfile.ZIP_DEFLATED, compress_level=1)
    for info in files:
        try:
            file = open_inside(folder, info.name)
        except FileNotFoundError:
            continue
        with file:
            archive.add(_first(file.read, info.bytes), info.name)
            yield from archive.file()
    yield from archive.finalize()


def _first(read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (piece := read(min(CHUNK, size))):
        size -= len(piece)
        yield piece
