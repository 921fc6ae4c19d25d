"""Opens files in a folder that a hostile program can change at the same time."""

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
# Non-blocking: opening a pipe would otherwise hang until something writes to it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


async def opened_inside(folder: Path, relative: str) -> BinaryIO:
    """Like `open_inside`, in a thread; nothing stays open if the caller is cancelled."""
    return await opened_in_thread(partial(open_inside, folder, relative))


def open_inside(folder: Path, relative: str) -> BinaryIO:
    """The regular file `relative` in `folder`, opened for reading; the caller closes it.

    The path is walked one component at a time from the folder's descriptor, never through a link, so what is checked is
    what is read even if files are replaced in the meantime. Hidden files are refused. Raises `FileNotFoundError` for
    everything that is not such a file.
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
    """The content of a regular file in `folder` (blocking), opened as by `open_inside`.

    Raises `FileNotFoundError` for everything except a regular file, `BadNameError`, `FileTooLargeError`.
    """
    parts = PurePosixPath(name).parts
    if not parts or "\0" in name or name.startswith("/") or ".." in parts:
        raise BadNameError("not a file name")
    with open_inside(folder, name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FileTooLargeError(f"The file {name!r} exceeds the limit of {limit // MIB} MB.")
    return data
