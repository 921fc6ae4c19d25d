"""Receives forms: files are written to a temporary folder as they arrive. Files that are not moved away by the end of
the request are deleted.
"""

import asyncio
import hashlib
import secrets
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fastapi import Request

from api.errors import ApiError, bad_request
from api.files.multipart import Data, End, FormParser, Part
from workspace.errors import FileTooLargeError, WorkspaceError
from workspace.settings import MIB
from workspace.threads import opened_in_thread

FILE_FIELDS = ("files", "file", "files[]")
MAX_FILES = 50
MAX_FIELDS = 50
MAX_FIELD_BYTES = 16 * MIB
"""Total size of a form's plain fields, which are kept in memory."""
MAX_FORMS = 8
"""Forms of one user that are received concurrently."""
BUFFER = MIB


@dataclass(frozen=True, slots=True)
class Received:
    """A complete file, to be moved to its destination by the caller."""

    label: str
    path: Path
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Form:
    """A completely received form."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[Received] = field(default_factory=list)


class FormReceiver:
    """Receives forms into `folder`, which is created on first use and emptied by its owner."""

    def __init__(self, folder: Path, *, max_file_bytes: int) -> None:
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._under_way: Counter[str] = Counter()

    @asynccontextmanager
    async def receive(self, request: Request, user: str) -> AsyncIterator[Form]:
        """The form in the body; its files are available for the duration of the block.

        Raises 400 for an invalid form, 408 if it makes no progress, 413 if it is too large, 429 for too many concurrent
        forms.
        """
        if self._under_way[user] >= MAX_FORMS:
            raise ApiError(
                429,
                f"{MAX_FORMS} of your uploads are in progress. Wait for one to finish.",
                code="too_many_uploads",
                headers={"Retry-After": "1"},
            )
        self._under_way[user] += 1
        folder = self._folder / secrets.token_hex(8)
        try:
            await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True)
            yield await self._read(request, folder)
        finally:
            self._under_way[user] -= 1
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _read(self, request: Request, folder: Path) -> Form:
        parser = FormParser(request.headers["content-type"])
        receiving = _Receiving(folder, self._max_file_bytes)
        try:
            async for chunk in request.stream():
                for event in parser.feed(chunk):
                    await receiving.take(event)
            parser.close()
        finally:
            receiving.close()
        return receiving.form


class _Receiving:
    """Builds a form from the parser's events."""

    def __init__(self, folder: Path, max_file_bytes: int) -> None:
        self.form = Form()
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._part = Part("", None)
        self._file: _Writing | None = None
        self._text = bytearray()
        self._field_bytes = 0

    async def take(self, event: Part | Data | End) -> None:
        match event:
            case Part():
                await self._begin(event)
            case Data(data) if self._file is not None:
                await self._file.write(data)
            case Data(data):
                self._field_bytes += len(data)
                if self._field_bytes > MAX_FIELD_BYTES:
                    raise ApiError(413, f"The form's fields exceed {MAX_FIELD_BYTES // MIB} MB.", code="form_too_large")
                self._text += data
            case End():
                await self._end()

    async def _begin(self, part: Part) -> None:
        self._part, self._text = part, bytearray()
        if part.label is None:
            if len(self.form.fields) >= MAX_FIELDS:
                raise bad_request(f"A form may have at most {MAX_FIELDS} fields.", part.field)
            return
        if part.field not in FILE_FIELDS:
            raise bad_request(f"Send files in the field 'files', not {part.field!r}.", "files")
        if len(self.form.files) >= MAX_FILES:
            raise ApiError(413, f"A request may have at most {MAX_FILES} files.", param="files", code="too_many_files")
        path = self._folder / str(len(self.form.files))
        self._file = await opened_in_thread(partial(_Writing, path, part.label, self._max_file_bytes))

    async def _end(self) -> None:
        if self._file is None:
            self.form.fields.append((self._part.field, self._text.decode("utf-8", "replace")))
            return
        received = await self._file.finish()
        self._file = None  # it is closed; one that could not be finished is not
        self.form.files.append(received)

    def close(self) -> None:
        """Close a partially received file."""
        if self._file is not None:
            self._file.close()
            self._file = None


class _Writing:
    """A file being written to disk; at most `BUFFER` bytes and one chunk of it are in memory."""

    def __init__(self, path: Path, label: str, limit: int) -> None:
        self._path = path
        self._label = label
        self._limit = limit
        self._file = path.open("xb", buffering=0)
        self._digest = hashlib.sha256()
        self._waiting = bytearray()
        self._size = 0

    async def write(self, data: bytes) -> None:
        """Raises `FileTooLargeError`, and `WorkspaceError` if the disk is full."""
        self._size += len(data)
        if self._size > self._limit:
            raise FileTooLargeError(f"The file {self._label!r} exceeds the limit of {self._limit // MIB} MB.")
        self._waiting += data
        if len(self._waiting) >= BUFFER:
            await self._flush()

    async def finish(self) -> Received:
        await self._flush()
        self.close()
        return Received(self._label, self._path, self._size, self._digest.hexdigest())

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, bytearray()
        try:
            await asyncio.to_thread(self._put, waiting)
        except OSError as error:
            raise WorkspaceError("The upload cannot be stored: the disk is full or failing.") from error

    def _put(self, data: bytearray) -> None:
        self._digest.update(data)
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]

    def close(self) -> None:
        self._file.close()
