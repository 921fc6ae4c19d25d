"""Opening a file below a folder that somebody hostile can change at the same moment."""

import os
import stat
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from workspace.errors import BadNameError, FileTooLargeError
from workspace.settings import MIB
from workspace.threads import opened_in_thread

MAX_DEPTH = 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without waiting: opening a pipe would else hang until somebody writes.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


async def opened_inside(folder: Path, relative: str) -> BinaryIO:
    """As `open_inside`, in a thread; nothing stays open when the caller is cancelled."""
    return await opened_in_thread(partial(open_inside, folder, relative))


def open_inside(folder: Path, relative: str) -> BinaryIO:
    """The regular file `relative` below `folder`, opened for reading; the caller closes it.

    Walked one component at a time from the folder's own descriptor, never through a link: what is checked is what
    is read, whoever swaps files meanwhile. Hidden names are not served. Raises `FileNotFoundError` for whatever is
    no such file.
    """
    parts = relative.split("/")
    if len(parts) > MAX_DEPTH or not all(map(_plain, parts)):
        raise FileNotFoundError(relative)
    try:
        at = os.open(folder, _FOLDER)
        for part in parts[:-1]:
            at = _step(at, part, _FOLDER)
        at = _step(at, parts[-1], _FILE)
    except (OSError, UnicodeEncodeError) as error:
        raise FileNotFoundError(relative) from error
    if not stat.S_ISREG(os.fstat(at).st_mode):
        os.close(at)
        raise FileNotFoundError(relative)
    return os.fdopen(at, "rb")


def _plain(part: str) -> bool:
    return bool(part) and not part.startswith(".") and "\0" not in part


def _step(at: int, part: str, flags: int) -> int:
    try:
        return os.open(part, flags, dir_fd=at)
    finally:
        os.close(at)


def read_file(folder: Path, name: str, limit: int) -> bytes:
    """The whole of a regular file below `folder` (blocking), as `open_inside` finds it.

    Raises `FileNotFoundError` for anything else than a regular file, `BadNameError`, `FileTooLargeError`.
    """
    parts = PurePosixPath(name).parts
    if not parts or "\0" in name or name.startswith("/") or ".." in parts:
        raise BadNameError("not a file name")
    with open_inside(folder, name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FileTooLargeError(f"The file {name!r} is larger than the limit of {limit // MIB} MB.")
    return data
