"""Reading a file of a folder that somebody else writes to at the same time."""

from pathlib import Path, PurePosixPath

from workspace.errors import BadNameError, FileTooLargeError
from workspace.opening import open_inside
from workspace.settings import MIB


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
