"""Reading a file of a folder that somebody else writes to at the same time."""

import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from workspace.errors import BadNameError, FileTooLargeError
from workspace.settings import MIB

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_file(folder: Path, name: str, limit: int) -> bytes:
    """The whole of a regular file below `folder` (blocking), as `open_file` finds it.

    Raises `FileNotFoundError` for anything else than a regular file, `BadNameError`, `FileTooLargeError`.
    """
    with open_file(folder, name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FileTooLargeError(f"The file {name!r} is larger than the limit of {limit // MIB} MB.")
    return data


def open_file(folder: Path, name: str) -> BinaryIO:
    """A regular file below `folder` (blocking), reached without following a single link.

    A program of the session could put a link in a file's place between a check and the opening of it, so nothing is
    checked by name: each part of the path is opened from the one before. Raises `FileNotFoundError` for anything
    else than a regular file, and `BadNameError`.
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
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(name)
        return open(os.dup(descriptor), "rb")  # noqa: PTH123 (a descriptor has no path)
    finally:
        os.close(descriptor)


def _open(part: str, flags: int, folder: int) -> int:
    try:
        return os.open(part, flags, dir_fd=folder)
    except (OSError, UnicodeError) as error:  # a link, a socket, a folder that may not be entered
        raise FileNotFoundError(part) from error
