"""The folder for temporary files of a kernel without a file tree of its own: `.tmp` in the session's folder.

The kernel locks it until it ends, so that a later start of the service can tell the folders of killed kernels apart.
"""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

NAME = ".tmp"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def create(work: Path) -> Path:
    """In the kernel: the folder, locked as long as the process lives. Raises OSError."""
    import fcntl  # noqa: PLC0415  the jail's interface can be imported on systems without it

    folder = work / NAME
    folder.mkdir(mode=0o700, exist_ok=True)
    fcntl.flock(os.open(folder, _FOLDER), fcntl.LOCK_SH)
    return folder


def remove(work: Path) -> None:
    """Delete the folder, unless a kernel uses it. What cannot be deleted stays."""
    import fcntl  # noqa: PLC0415  as above

    with suppress(OSError):  # there is none, or the session has put something else in its place
        lock = os.open(work / NAME, _FOLDER)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It handles trees deeper than Python's rmtree supports, and follows no links.
            subprocess.run(["rm", "-rf", "--", str(work / NAME)], check=False, stderr=subprocess.DEVNULL)
        finally:
            os.close(lock)


def sweep(sessions: Path) -> None:
    """Delete what killed kernels have left in the folders of all sessions."""
    for work in sessions.iterdir():
        remove(work)
