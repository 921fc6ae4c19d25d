"""Measures what resource limits do not cover: the memory of a kernel's processes together, and its files.

Blocking functions; call them in a thread.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workspace.settings import MIB

from .memory import memory_in_use
from .open_files import Inspector, OpenFiles, readable, scratch_in_use
from .processes import children_of
from .settings import JailSettings
from .wire import SCRATCH

_SHARE = 0.05
_IDLE_SECONDS = 1.0
"""Between two looks at the open files of a kernel that runs nothing."""


@dataclass(frozen=True)
class FolderUse:
    """Disk usage of a folder."""

    size: int
    """Bytes on disk."""

    files: int


def _family(pid: int) -> list[int]:
    found = [pid]
    for member in found:  # grows during the iteration
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended in the meantime
            found += children_of(member)
    return found


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

    def __init__(self, pid: int, folder: Path, settings: JailSettings, work: str = "") -> None:
        """`work` is the session's folder as the kernel sees it, if that is in a file tree of its own."""
        self._pid = pid
        self._folder = folder
        self._limits = settings
        self._scratch = SCRATCH if work else ()
        self._inspector = Inspector(work or str(folder.resolve()), settings.kernel_file_mb * MIB)
        self._open = OpenFiles()
        self._before: FolderUse | None = None
        self._next_walk = self._next_inspection = 0.0
        self._idle_use = IdleUse(settings.idle_cpu_seconds)
        self._may_inspect: bool | None = None
        self._hidden = 0

    def verdict(self, idle: bool) -> str:
        """Why the kernel must end, or an empty string. `idle`: no cell is running."""
        family = _family(self._pid)
        if self._idle_use.exceeds(family, idle=idle):
            return "threads that it had started went on using the processor"
        now = time.monotonic()
        if inspected := now >= self._next_inspection:
            self._inspect(family)
            if idle:
                self._next_inspection = max(self._next_inspection, now + _IDLE_SECONDS)
        if self._hidden > 1:
            return "descriptors: a program does not show its open files"
        if reason := self._open.excess():
            return reason
        if reason := self._confirmed(self._judge_memory, family, inspected):
            return reason
        return self._confirmed(self._judge_folder, family, inspected) if now >= self._next_walk else ""

    def renew(self) -> None:
        """Let the next verdict look at everything again, however long the last one took."""
        self._next_walk = self._next_inspection = 0.0

    def _inspect(self, family: Sequence[int]) -> None:
        begun = time.monotonic()
        if self._may_inspect is None:  # some machines do not allow it at all
            self._may_inspect = readable(self._pid)
        try:
            if self._may_inspect:
                self._open = self._inspector.inspect(family)
            self._hidden = 0
        except PermissionError:  # perhaps only while a program without read permission starts
            self._hidden += 1
        # Like the walk below, limited to a small share of the time.
        self._next_inspection = begun + (time.monotonic() - begun) / _SHARE

    def _confirmed(self, judge: Callable[[Sequence[int]], str], family: Sequence[int], inspected: bool) -> str:
        """What `judge` says when it knows the files that are open now."""
        reason = judge(family)
        if reason and not inspected:
            self._inspect(family)
            reason = judge(family)
        return reason

    def _judge_memory(self, family: Sequence[int]) -> str:
        allowed, buffers = self._limits.memory, self._open.buffers()
        shared = self._open.shared + scratch_in_use(self._pid, self._scratch)
        memory = memory_in_use(family, allowed - buffers, shared) + buffers
        return f"memory: {memory >> 20} MB in use, {allowed >> 20} MB allowed" if memory > allowed else ""

    def _judge_folder(self, _family: Sequence[int]) -> str:
        begun = time.monotonic()
        use = folder_in_use(self._folder, self._limits.kernel_folder_files)
        # Walking many files takes a while: limit it to a small share of the time.
        self._next_walk = begun + (time.monotonic() - begun) / _SHARE
        # A folder that was already too full at the start may be emptied, but not filled further.
        before = self._before = self._before or use
        size = use.size + self._open.unlinked
        if size > max(self._limits.folder_size, before.size):
            deleted = f", {self._open.unlinked >> 20} MB of them deleted but open" if self._open.unlinked else ""
            return f"files: {size >> 20} MB in the folder{deleted}, {self._limits.folder_size >> 20} MB allowed"
        if use.files > max(self._limits.kernel_folder_files, before.files):
            return f"files: more than {self._limits.kernel_folder_files} in the folder"
        return ""
