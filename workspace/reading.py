"""Reading a file of a folder that somebody else writes to at the same time."""

import os
import stat
from pathlib import Path, PurePosixPath

from workspace.errors import BadNameError, FileTooLargeError
from workspace.settings import MIB

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_file(folder: Path, name: str, limit: int) -> bytes:
    """The whole of a regular file below `folder` (blocking), reached without following a single link.

    A program of the session could put a link in a file's place between a check and the opening of it, so nothing is
    checked by name: each part of the path is opened from the one before. Raises `FileNotFoundError` for anything
    else than a regular file, `BadNameError`, `FileTooLargeError`.
    """
    parts = PurePosixPath(name).parts
    if not parts or "\0" in name or name.startswith("/") or ".." in parts:
        raise BadNameError("not a file name")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for at, part in enumerate(parts):
            last = at == len(parts) - 1
            inner = _open(part, _FILE if last else _FOLDER, descriptor)
            os.close(descriptor)
            descriptor = inner
        return _read(descriptor, name, limit)
    finally:
        os.close(descriptor)


def _open(part: str, flags: int, folder: int) -> int:
    try:
        return os.open(part, flags, dir_fd=folder)
    except (OSError, UnicodeError) as error:  # a link, a socket, a folder that may not be entered
        raise FileNotFoundError(part) from error


def _read(descriptor: int, name: str, limit: int) -> bytes:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise FileNotFoundError(name)
    with open(descriptor, "rb", closefd=False) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FileTooLargeError(f"The file {name!r} is larger than the limit of {limit // MIB} MB.")
    return data
