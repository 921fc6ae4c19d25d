"""Makes the kernel's user the owner of a session's folder."""

import logging
import os
import subprocess
from pathlib import Path

logger = logging.getLogger(__name__)

_DEEPEST = 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def hand_over(folder: Path, uid: int) -> None:
    """Create the folder; make `uid` the owner of it and its content (0: keep the owners).

    Files with several hard links keep their owner, because another name may be outside of the session. Trees deeper
    than `_DEEPEST`, which cannot be measured, are deleted.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder, _FOLDER)
    try:
        _hand_over_tree(descriptor, uid, _DEEPEST)
    finally:
        os.close(descriptor)


def _hand_over_tree(descriptor: int, uid: int, levels: int) -> None:
    if uid:
        os.fchown(descriptor, uid, uid)
    with os.scandir(descriptor) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if levels == 0:
                    logger.warning("deleting a tree of more than %d levels", _DEEPEST)
                    path = f"/proc/self/fd/{descriptor}/{entry.name}"
                    subprocess.run(["rm", "-rf", "--", path], check=False, pass_fds=[descriptor])
                    continue
                inner = os.open(entry.name, _FOLDER, dir_fd=descriptor)
                try:
                    _hand_over_tree(inner, uid, levels - 1)
                finally:
                    os.close(inner)
            elif uid and entry.stat(follow_symlinks=False).st_nlink == 1:
                os.chown(entry.name, uid, uid, dir_fd=descriptor, follow_symlinks=False)
