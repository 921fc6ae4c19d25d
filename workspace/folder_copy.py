"""Copies files into a session's folder."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Container
from pathlib import Path

from workspace.errors import BadNameError, FileTooLargeError
from workspace.folder import give_to_owner, list_files
from workspace.safe_open import open_inside

NANOSECONDS = 10**9


def copy_files(source: Path, target: Path, *, named: Container[str], until: float, max_bytes: int) -> list[str]:
    """Copy the files that are `named`, and those last written before `until` (seconds since the epoch); returns their
    names.

    A program may change the source at the same time: deleted files are skipped, and links are never followed. Raises
    `FileTooLargeError` beyond `max_bytes` in total.
    """
    copied, room = [], max_bytes
    for name, mark in list_files(source).items():
        if name not in named and mark.modified_ns > until * NANOSECONDS:
            continue
        try:
            file = open_inside(source, name)
        except FileNotFoundError:
            continue
        with file:
            room -= os.fstat(file.fileno()).st_size
            if room < 0:
                raise FileTooLargeError(f"The session's files exceed {max_bytes >> 20} MB.")
            place = target / name
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with place.open("xb") as copy:
                shutil.copyfileobj(file, copy)
        os.utime(place, ns=(mark.modified_ns, mark.modified_ns))
        copied.append(name)
    return copied


def copy_new(source: Path, name: str, folder: Path, copy: str, scratch: Path) -> None:
    """Copy the file `name` in `source` to `folder`, named `copy` there, unless a file has that name. The file is
    written in `scratch`, a folder on the same disk.

    Raises `BadNameError`, or `OSError`: `FileNotFoundError`, or a name that the folder cannot hold.
    """
    if "/" in copy or "\0" in copy:
        raise BadNameError("not a file name")
    partial = scratch / secrets.token_hex(8)
    try:
        with open_inside(source, name) as original, partial.open("xb") as made:
            shutil.copyfileobj(original, made)
            give_to_owner(made.fileno(), folder)
        with contextlib.suppress(FileExistsError):
            os.link(partial, folder / copy, follow_symlinks=False)  # never overwrites a session's file
    finally:
        partial.unlink(missing_ok=True)
