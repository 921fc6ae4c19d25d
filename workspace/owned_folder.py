"""Temporary folders that do not outlive their process.

Each has a lock (`flock`) that its process holds for as long as it lives. Whatever killed the process has released the
lock, and the next `sweep` deletes the folder. Several services can share a parent: those that live keep their folders.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path

from workspace.threads import made_in_thread

PREFIX = "llm-api."
"""How the names of all folders begin that a service creates in the system's folder for temporary files."""
SCRATCH = "tmp"
"""The folder in the data folder that contains those of all processes."""
LOCK = ".lock"


class OwnedFolder:
    """A private folder, locked by this process."""

    def __init__(self, path: Path, lock: int) -> None:
        """`lock` is the descriptor that holds the lock."""
        self.path = path
        self._lock = lock

    @classmethod
    def create(cls, parent: Path, prefix: str = "") -> "OwnedFolder":
        """An empty folder in `parent`, which is created if missing. Raises OSError."""
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            path = parent / f"{prefix}{secrets.token_hex(6)}"
            path.mkdir(mode=0o700)
            try:
                lock = _locked(path)
            except FileNotFoundError:
                lock = None
            except OSError:
                shutil.rmtree(path, ignore_errors=True)
                raise
            if lock is not None:
                return cls(path, lock)
            # A sweep found the folder before it was locked, and deletes it.

    def remove(self) -> None:
        """Delete the folder and its content; only the first call counts."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(lock)


def create_temporary() -> OwnedFolder:
    """A folder in the system's folder for temporary files. Its path is short enough for sockets. Raises OSError."""
    return OwnedFolder.create(Path(tempfile.gettempdir()), PREFIX)


@contextmanager
def owned_folder(parent: Path, prefix: str = "") -> Iterator[Path]:
    """A folder that exists as long as the block. Raises OSError."""
    folder = OwnedFolder.create(parent, prefix)
    try:
        yield folder.path
    finally:
        folder.remove()


@asynccontextmanager
async def temporary_folder(parent: Path | None = None) -> AsyncIterator[Path]:
    """As `owned_folder`, without blocking the event loop; by default in the system's folder for temporary files."""
    make = create_temporary if parent is None else partial(OwnedFolder.create, parent)
    folder = await made_in_thread(make, OwnedFolder.remove)
    try:
        yield folder.path
    finally:
        await asyncio.to_thread(folder.remove)


def sweep(parent: Path, prefix: str = "") -> None:
    """Delete what processes that no longer live have left in `parent`: everything whose name begins with `prefix`, that
    belongs to this user, and that no process has locked.
    """
    with suppress(FileNotFoundError), os.scandir(parent) as entries:
        for entry in entries:
            with suppress(OSError):  # another sweep was faster
                if entry.name.startswith(prefix) and entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                    _sweep_one(Path(entry.path), is_folder=entry.is_dir(follow_symlinks=False))


def sweep_temporary() -> None:
    """As `sweep`, for the folders of `create_temporary` and `temporary_folder`."""
    sweep(Path(tempfile.gettempdir()), PREFIX)


def _sweep_one(path: Path, *, is_folder: bool) -> None:
    if not is_folder:
        path.unlink()
    elif (lock := _locked(path)) is not None:
        try:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """A descriptor that locks the folder; None if another process has locked or deleted it."""
    import fcntl  # noqa: PLC0415  the jail's interface can be imported on systems without it

    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), (folder / LOCK).stat(follow_symlinks=False)):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(lock)
        raise
    os.close(lock)
    return None
