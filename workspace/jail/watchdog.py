"""Measures what no resource limit covers: memory of all processes of a kernel together, and its folder.

Blocking functions, called in a thread.
"""

import os
import resource
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FolderUse:
    """What lies in a folder."""

    size: int
    """Bytes on the disk."""

    files: int


def memory_in_use(pid: int, enough: int) -> int:
    """Bytes of memory of `pid` and its descendants, shared pages in proportion.

    The exact figure is dear, so it is only taken when the cheap upper bound exceeds `enough`.
    """
    family = _family(pid)
    bound = sum(_resident(member) for member in family)
    if bound <= enough:
        return bound
    return sum(_proportional(member) for member in family)


def _family(pid: int) -> list[int]:
    found = [pid]
    for member in found:  # grows while it is walked
        try:
            for thread in Path(f"/proc/{member}/task").iterdir():
                found += [int(child) for child in (thread / "children").read_text(encoding="ascii").split()]
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _proportional(pid: int) -> int:
    try:
        smaps = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) << 10 for line in smaps if line.startswith("Pss:")), 0)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return _resident(pid)


def proportional_memory(pid: int) -> int:
    """Bytes of one process, shared pages in proportion (PSS); 0 when it is gone."""
    return _proportional(pid)


def folder_in_use(folder: Path, most_files: int) -> FolderUse:
    """Size and number of files; stops counting beyond `most_files`. Links are not followed."""
    size = files = 0
    ahead = [str(folder)]
    while ahead and files <= most_files:
        try:
            with os.scandir(ahead.pop()) as entries:
                for entry in entries:
                    files += 1
                    if files > most_files:
                        break
                    if entry.is_dir(follow_symlinks=False):
                        ahead.append(entry.path)
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
        except (FileNotFoundError, NotADirectoryError):
            continue
    return FolderUse(size, files)
