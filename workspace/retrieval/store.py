"""The files of one index: a manifest of its documents, and a segment for each.

Every file is written elsewhere, flushed to disk and moved here; the manifest comes last. So a crash at any moment
leaves the old index and, at worst, unreferenced files, which the next `sweep` deletes. Segments are named by
their sources, so that work done before a crash is found again.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from workspace.retrieval.segment import DamagedError, Segment, pack, unpack
from workspace.retrieval.snapshot import Mark
from workspace.retrieval.types import ModelIdentity
from workspace.threads import opened_in_thread

FORMAT = 2
MANIFEST = "manifest.json"
LOCK = ".lock"
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """What the index knows about one file."""

    mark: Mark
    digest: str
    """sha256 of its content."""
    passages: int
    cut: bool = False
    """It has more passages than are stored."""
    reason: str = ""
    """Why it has no text, as a sentence for the user."""
    note: str = ""
    """What is missing of its text, as a sentence for the user."""


@dataclass(slots=True)
class Manifest:
    """The documents of an index, by name, and how it was built."""

    model: ModelIdentity
    cutting: tuple[int, int, int]
    """Passage size, overlap and maximum number of passages."""
    records: dict[str, Record] = field(default_factory=dict)

    def segment(self, digest: str) -> str:
        """File name of the segment of a document with this content."""
        made_by = json.dumps([FORMAT, digest, self.model.as_json(), self.cutting], sort_keys=True)
        return hashlib.sha256(made_by.encode()).hexdigest()[:40] + ".seg"


class IndexStore:
    """The files in `folder`, which is created at the first lock. All methods except `locked` block."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        """`scratch` is a folder on the same disk for files that are not complete yet."""
        self.folder = folder
        self._scratch = scratch

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Exclude other processes. The folder exists inside the block."""
        while True:
            with await opened_in_thread(self._lock_file) as file:
                while not _try_lock(file):  # noqa: ASYNC110 (no event tells that another process is done)
                    await asyncio.sleep(_POLL_SECONDS)
                if self._is_current(file):
                    yield
                    return
            # The index was deleted while we waited: the lock of a new one is a different file.

    def read(self, model: ModelIdentity, cutting: tuple[int, int, int]) -> Manifest:
        """The manifest; an empty one if it is missing, damaged, or was built differently."""
        try:
            document = json.loads((self.folder / MANIFEST).read_bytes())
            body = document["body"]
            made_by = (body["format"], body["model"], body["cutting"])
            if document["sha256"] == _sum(body) and made_by == (FORMAT, model.as_json(), [*cutting]):
                return Manifest(model, cutting, {name: _record(raw) for name, raw in body["documents"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # the caller rebuilds it from the documents
        return Manifest(model, cutting)

    def stamp(self) -> tuple[int, ...]:
        """Changes whenever the manifest is written; empty if there is none."""
        try:
            status = (self.folder / MANIFEST).stat()
        except OSError:
            return ()
        return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size

    def write(self, manifest: Manifest) -> None:
        body = {
            "format": FORMAT,
            "model": manifest.model.as_json(),
            "cutting": [*manifest.cutting],
            "documents": {name: asdict(record) for name, record in manifest.records.items()},
        }
        self._put(MANIFEST, json.dumps({"sha256": _sum(body), "body": body}, ensure_ascii=False).encode())

    def read_segment(self, manifest: Manifest, digest: str) -> Segment:
        """Raises `DamagedError`, also if there is no such file."""
        try:
            return unpack((self.folder / manifest.segment(digest)).read_bytes(), manifest.model)
        except OSError as error:
            raise DamagedError(str(error)) from error

    def write_segment(self, manifest: Manifest, digest: str, segment: Segment) -> None:
        self._put(manifest.segment(digest), pack(segment, manifest.model))

    def sweep(self, manifest: Manifest) -> None:
        """Delete what the manifest does not refer to. Requires the lock."""
        kept = {MANIFEST, LOCK} | {manifest.segment(record.digest) for record in manifest.records.values()}
        for path in self.folder.iterdir():
            if path.name in kept:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def scratch(self) -> Path:
        """A new private folder; its creator deletes it."""
        path = self._scratch / secrets.token_hex(8)
        path.mkdir(mode=0o700)
        return path

    def _put(self, name: str, data: bytes) -> None:
        partial = self._scratch / secrets.token_hex(8)
        try:
            with partial.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.folder / name)
        finally:
            partial.unlink(missing_ok=True)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _lock_file(self) -> IO[bytes]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (self.folder / LOCK).open("ab")

    def _is_current(self, file: IO[bytes]) -> bool:
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(file.fileno()), (self.folder / LOCK).stat())
        return False


def _try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sum(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _record(raw: dict[str, Any]) -> Record:
    return Record(Mark(**raw.pop("mark")), **raw)
