"""Safe file names from untrusted ones: the user's name is only a label, the service's is used on disk."""

import re
import unicodedata
from collections.abc import Container
from pathlib import Path

from workspace.errors import BadNameError

MAX_BYTES = 120
_UNSAFE = re.compile(r"[^\w.\-() ]+")


def safe_name(label: str) -> str:
    """A plain file name similar to `label`: no folders, control or direction marks, no leading dot.

    Never empty and at most `MAX_BYTES` bytes of UTF-8; the suffix is kept.
    """
    base = unicodedata.normalize("NFC", label).replace("\\", "/").rsplit("/", 1)[-1]
    name = _UNSAFE.sub("_", "".join(c for c in base if c.isprintable())).strip(" ._")
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    suffix = suffix[:16]
    room = MAX_BYTES - len((dot + suffix).encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore").strip() or "file"
    return stem + dot + suffix


def free_name(folder: Path, label: str, taken: Container[str] = ()) -> str:
    """`safe_name`, numbered if the folder has that name or it is in `taken`."""
    name = safe_name(label)
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = name, ""
    number = 1
    while name in taken or (folder / name).exists() or (folder / name).is_symlink():
        number += 1
        name = f"{stem}-{number}{dot}{suffix}"
    return name


def inside(folder: Path, relative: str) -> Path:
    """The file `relative` in `folder`. Raises `BadNameError` if the path leads outside, also by a link."""
    if not relative or "\0" in relative:
        raise BadNameError("not a file name")
    try:
        path = (folder / relative).resolve()
    except (OSError, RuntimeError) as error:
        raise BadNameError("not a file name") from error
    if not path.is_relative_to(folder.resolve()) or path == folder.resolve():
        raise BadNameError("this path is outside of the session's folder")
    return path
