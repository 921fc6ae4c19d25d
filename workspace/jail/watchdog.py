"""Measures what resource limits do not cover: the total memory of a kernel's processes, and its folder.

Blocking functions; call them in a thread.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .processes import children_of
from .settings import JailSettings

_SHARE = 0.05


@dataclass(frozen=True)
class FolderUse:
    """Disk usage of a folder."""

    size: int
    """Bytes on disk."""

    files: int


def memory_in_use(family: Sequence[int], enough: int) -> int:
    """Memory of these processes together in bytes, with shared pages counted proportionally.

    The exact figure is expensive, so it is only determined if the cheap upper bound exceeds `enough`.
    """
    bound = sum(_resident(member) for member in family)
    if bound <= enough:
        return bound
    return sum(_proportional(member) for member in family)


def _family(pid: int) -> list[int]:
    found = [pid]
    for member in found:  # grows during the iteration
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended in the meantime
            found += children_of(member)
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _proportional(pid: int) -> int:
    try:
        smaps = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) << 10 for line in smaps if line.startswith("Pss:")), 0)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return _resident(pid)


def proportional_memory(pid: int) -> int:
    """Memory of one process in bytes, with shared pages counted proportionally (PSS); 0 if it is gone."""
    return _proportional(pid)


def folder_in_use(folder: Path, most_files: int) -> FolderUse:
    """Size and number of files; stops counting beyond `most_files`. Links are not followed.

    Raises OSError for a tree that cannot be measured, for example one that is deeper than the longest path.
    """
    size = files = 0
    ahead = [str(folder)]
    while ahead and files <= most_files:
        path = ahead.pop()
        try:
            for entry in _entries(path):
                files += 1
                if files > most_files:
                    break
                if entry.is_dir(follow_symlinks=False):
                    ahead.append(entry.path)
                size += entry.stat(follow_symlinks=False).st_blocks * 512
        except (FileNotFoundError, NotADirectoryError):  # removed in the meantime
            continue
    return FolderUse(size, files)


def _entries(path: str) -> "Iterator[os.DirEntry[str]]":
    try:
        scan = os.scandir(path)
    except PermissionError:
        # The session made it unreadable, possibly to hide its content.
        Path(path).chmod(0o700)
        scan = os.scandir(path)
    with scan:
        yield from scan


class IdleUse:
    """Processor time that a kernel and its descendants use although no cell is running."""

    def __init__(self, allowed: float) -> None:
        """`allowed` seconds at once; they are regained at the rate of `_SHARE`."""
        self._allowed = allowed
        self._used = 0.0
        self._before: dict[int, float] = {}
        self._measured = 0.0

    def exceeds(self, family: Sequence[int], *, idle: bool) -> bool:
        """Measure the kernel and its descendants; to be called regularly."""
        if not idle:
            self._before = {}
            return False
        now = time.monotonic()
        use = {member: _processor_seconds(member) for member in family}
        if self._before:
            spent = sum(seconds - self._before.get(member, 0.0) for member, seconds in use.items())
            self._used = max(0.0, self._used + spent - _SHARE * (now - self._measured))
        self._before, self._measured = use, now
        return self._used > self._allowed


def _processor_seconds(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Watch:
    """Monitors one kernel."""

    def __init__(self, pid: int, folder: Path, settings: JailSettings) -> None:
        self._pid = pid
        self._folder = folder
        self._limits = settings
        self._before: FolderUse | None = None
        self._next_walk = 0.0
        self._idle_use = IdleUse(settings.idle_cpu_seconds)

    def verdict(self, idle: bool) -> str:
        """Why the kernel must end, or an empty string. `idle`: no cell is running."""
        family = _family(self._pid)
        if self._idle_use.exceeds(family, idle=idle):
            return "threads that it had started went on using the processor"
        allowed = self._limits.memory
        memory = memory_in_use(family, allowed)
        if memory > allowed:
            return f"memory: {memory >> 20} MB in use, {allowed >> 20} MB allowed"
        return self._judge_folder() if time.monotonic() >= self._next_walk else ""

    def _judge_folder(self) -> str:
        begun = time.monotonic()
        use = folder_in_use(self._folder, self._limits.kernel_folder_files)
        # Walking many files takes a while: limit it to a small share of the time.
        self._next_walk = begun + (time.monotonic() - begun) / _SHARE
        # A folder that was already too full at the start may be emptied, but not filled further.
        before = self._before = self._before or use
        if use.size > max(self._limits.folder_size, before.size):
            return f"files: {use.size >> 20} MB in the folder, {self._limits.folder_size >> 20} MB allowed"
        if use.files > max(self._limits.kernel_folder_files, before.files):
            return f"files: more than {self._limits.kernel_folder_files} in the folder"
        return ""
