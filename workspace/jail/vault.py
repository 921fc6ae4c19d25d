"""Stores snapshots: one folder per session, blobs named by their digest, and a signed manifest.

Nothing here interprets the bytes. They come from a sandboxed kernel and return to one; only their digests are checked.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from . import frames
from .variables import Report

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_ENVELOPE = "envelope"


class SnapshotDamaged(Exception):  # noqa: N818
    """The snapshot was altered, or was signed with a different key."""


@dataclass(frozen=True)
class Snapshot:
    """The last complete snapshot of a session."""

    manifest: bytes
    report: Report
    blobs: frozenset[str]


class Vault:
    """The snapshot of one session. All methods block on disk access: call them in a thread."""

    def __init__(self, root: Path, session: str, key: bytes, scratch: Path | None = None) -> None:
        """`root` contains all sessions; files are written in `scratch`, a folder on the same disk (default: the
        session's own), before they are complete. Raises ValueError for a session ID that is not a plain name.
        """
        if not _NAME.fullmatch(session):
            raise ValueError(f"not a session ID: {session!r}")
        self._session = session
        self._key = key
        self.folder = root / session
        self._scratch = scratch

    def load(self) -> Snapshot | None:
        """The snapshot, or None if there is none. Raises SnapshotDamaged."""
        try:
            signature, _, body = (self.folder / _ENVELOPE).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        if not hmac.compare_digest(signature, self._sign(body)):
            raise SnapshotDamaged(f"the snapshot of session {self._session} does not carry this server's signature")
        raw = json.loads(body)
        report = Report.from_json(raw["report"].encode())
        return Snapshot(base64.b64decode(raw["manifest"]), report, frozenset(raw["blobs"]))

    def has(self, digest: bytes) -> bool:
        """Whether these bytes are stored, judging by the name; `open` verifies."""
        return self._blob(digest.hex()).exists()

    def put(self, digest: bytes, chunks: Iterator[bytes]) -> None:
        """Store bytes under their digest. Raises ValueError if the digest does not match."""
        self._blobs.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = hashlib.blake2b(digest_size=frames.DIGEST_SIZE)
        target = self._blob(digest.hex())
        with self._replacing(target) as file:
            for chunk in chunks:
                found.update(chunk)
                file.write(chunk)
            if found.digest() != digest:
                raise ValueError("a blob does not match its announced digest")

    def open(self, digest: bytes) -> int | None:
        """A descriptor for reading the bytes, or None if they are missing or damaged."""
        try:
            fd = os.open(self._blob(digest.hex()), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with open(fd, "rb", closefd=False) as file:
            intact = hashlib.file_digest(file, _blake).digest() == digest
        if intact:
            return fd
        os.close(fd)
        return None

    def commit(self, snapshot: Snapshot) -> None:
        """Make `snapshot` the current one atomically, and delete blobs that only older ones needed."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = {
            "manifest": base64.b64encode(snapshot.manifest).decode(),
            "report": snapshot.report.to_json().decode(),
            "blobs": sorted(snapshot.blobs),
        }
        body = json.dumps(content).encode()
        with self._replacing(self.folder / _ENVELOPE) as file:
            file.write(self._sign(body) + b"\n" + body)
        self._drop_all_but(snapshot.blobs)

    def drop_unfinished(self) -> None:
        """Delete the remains of a failed save."""
        try:
            snapshot = self.load()
        except SnapshotDamaged:
            return
        self._drop_all_but(snapshot.blobs if snapshot else frozenset())

    def _drop_all_but(self, digests: frozenset[str]) -> None:
        if self._blobs.is_dir():
            for path in self._blobs.iterdir():
                if path.name not in digests:
                    path.unlink()

    def delete(self) -> None:
        """Delete the session's saved variables."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def _replacing(self, target: Path) -> Iterator[BinaryIO]:
        """A file that takes the place of `target` if the block succeeds."""
        part = (self._scratch or self.folder) / f"{secrets.token_hex(8)}.part"
        try:
            with part.open("xb") as file:
                yield file
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    @property
    def _blobs(self) -> Path:
        return self.folder / "blobs"

    def _blob(self, digest: str) -> Path:
        return self._blobs / digest

    def _sign(self, body: bytes) -> bytes:
        # Includes the session's ID, so that one session's snapshot cannot be used for another.
        return hmac.digest(self._key, self._session.encode() + b"\n" + body, "sha256").hex().encode()


def _blake() -> "hashlib._Hash":
    return hashlib.blake2b(digest_size=frames.DIGEST_SIZE)  # type: ignore[return-value]
