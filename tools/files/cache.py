"""A cache of profiles: one small file each, identified by the owner and the content of the file."""

import asyncio
import contextlib
import hashlib
import os
import secrets
import stat
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tools.files.profile import Profile
from tools.files.settings import FileCacheSettings

VERSION = 2
"""Increased when profiles change; older entries are then ignored."""
FAILURE_SECONDS = 600.0
"""How long a failure is cached; the machine may only have been busy."""
MAX_ENTRIES = 20_000
SWEEP_SECONDS = 3600.0
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """The result of reading a file: a profile, or why there is none."""

    profile: Profile | None
    unreadable: str = ""


_ENTRIES = TypeAdapter(Entry)


class ProfileCache:
    """Entries in `folder`, each kept for `ttl_hours`. Damaged entries are ignored.

    A key reveals nothing about the file, and a user only finds their own entries. So users can neither plant entries
    for others nor find out what others have.
    """

    def __init__(self, folder: Path, ttl_hours: float, scratch: Path) -> None:
        """Entries are written in `scratch`, a folder on the same disk, before they are complete."""
        self._folder = folder
        self._scratch = scratch
        self._ttl = ttl_hours * 3600
        self._next_sweep = 0.0
        self._hashes: OrderedDict[tuple[int, ...], str] = OrderedDict()

    async def key(self, path: Path, owner: str) -> str:
        """The entry's name: a hash of the owner, the content, and the suffix, which distinguishes kinds of text.

        Raises OSError.
        """
        contents = await asyncio.to_thread(self._hash, path)
        name = hashlib.sha256(repr((VERSION, owner, path.suffix.lower(), contents)).encode()).hexdigest()
        return f"{_prefix(owner)}-{name}"

    async def get(self, key: str) -> Entry | None:
        """None if there is no entry, or it is too old or damaged."""
        return await asyncio.to_thread(self._get, key)

    async def put(self, key: str, entry: Entry) -> None:
        """Write an entry; a full or failing disk only costs the next reader time."""
        await asyncio.to_thread(self._put, key, entry)

    async def forget(self, owner: str) -> None:
        """Delete all entries of an owner, because something of theirs was deleted and entries have parts of its
        content.
        """
        await asyncio.to_thread(self._forget, _prefix(owner))

    def _forget(self, prefix: str) -> None:
        for entry in self._folder.glob(f"{prefix}-*.json"):
            entry.unlink(missing_ok=True)

    def _hash(self, path: Path) -> str:
        # A pipe or a link in place of a file must neither block nor lead elsewhere.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{path} is not a regular file")
            mark = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            known = self._hashes.get(mark)
            if known is None:
                known = self._hashes[mark] = hashlib.file_digest(file, "sha256").hexdigest()
                if len(self._hashes) > _REMEMBERED:
                    self._hashes.popitem(last=False)
            return known

    def _get(self, key: str) -> Entry | None:
        path = self._folder / f"{key}.json"
        try:
            age = time.time() - path.stat().st_mtime
            entry = _ENTRIES.validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None
        ttl = self._ttl if entry.profile is not None else min(self._ttl, FAILURE_SECONDS)
        return entry if age <= ttl else None

    def _put(self, key: str, entry: Entry) -> None:
        partial = self._scratch / secrets.token_hex(8)
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                partial.write_bytes(_ENTRIES.dump_json(entry))
                partial.replace(self._folder / f"{key}.json")
            finally:
                partial.unlink(missing_ok=True)
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_SECONDS
            self._sweep()

    def _sweep(self) -> None:
        """Delete entries that are too old, and the oldest beyond `MAX_ENTRIES`."""
        ages: list[tuple[float, str]] = []
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    ages.append((time.time() - entry.stat(follow_symlinks=False).st_mtime, entry.path))
        ages.sort()
        for at, (age, path) in enumerate(ages):
            if age > self._ttl or at >= MAX_ENTRIES:
                with contextlib.suppress(OSError):
                    Path(path).unlink()


def open_cache(settings: FileCacheSettings, folder: Path, scratch: Path) -> ProfileCache | None:
    """None if caching is disabled."""
    if not settings.enable_file_metadata_cache:
        return None
    return ProfileCache(folder, settings.file_metadata_cache_ttl_hours, scratch)


def _prefix(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:16]
