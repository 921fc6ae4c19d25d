"""What a kernel's processes hold open: files without a name, sockets, pipes, shared memory. Blocking functions.

None of it appears in the memory of a process or in the session's folder.
"""

import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .memory import has_memory, living_thread
from .settings import OPEN_FILES

MOST_DESCRIPTORS = 16 * OPEN_FILES
"""Maximum number of open descriptors of one kernel's processes together."""
MOST_MAPPINGS = 1 << 17
"""Maximum number of memory mappings of one kernel's processes together; a quiet process has about 800."""
MOST_DELETED = 1 << 12
"""Maximum number of those that map deleted files or shared anonymous memory, which Linux lists alike."""

_GRANTED = 32
"""Sockets, and pipes, that are not charged: a quiet kernel has about 20."""
_PIPE = 1 << 16
_OVERSHOOT = 1 << 16
"""A socket accepts one more packet when its buffer is almost full."""
_DESCRIPTOR = 1 << 10
_MAPPING = 1 << 8
_GONE = " (deleted)"
# The range, device and inode number of a mapping of a deleted file, and its former path.
_DELETED = re.compile(rb"^(\w+-\w+) \S+ \w+ (\S+) (\d+) +(/.*) \(deleted\)$", re.MULTILINE)
_ANONYMOUS = b"/dev/zero"


@dataclass
class OpenFiles:
    """Totals of a kernel's processes; what several of them hold counts once."""

    unlinked: int = 0
    """Bytes on disk of the session's files that have no name any more."""

    shared: int = 0
    """Bytes of shared memory: tmpfs files and anonymous shared mappings."""

    descriptors: int = 0
    mappings: int = 0
    deleted: int = 0
    """Mappings of deleted files and of shared anonymous memory."""

    sockets: set[int] = field(default_factory=set)
    pipes: set[int] = field(default_factory=set)

    def buffers(self) -> int:
        """Bytes that the operating system's kernel may hold for it: every buffer counts as full."""
        sockets, pipes = (max(0, len(kind) - _GRANTED) for kind in (self.sockets, self.pipes))
        tables = self.descriptors * _DESCRIPTOR + self.mappings * _MAPPING
        return tables + sockets * socket_buffer() + pipes * _PIPE

    def excess(self) -> str:
        """Which number is over its limit, or an empty string."""
        if self.descriptors > MOST_DESCRIPTORS:
            return f"descriptors: more than {MOST_DESCRIPTORS} open"
        if self.mappings > MOST_MAPPINGS:
            return f"memory: more than {MOST_MAPPINGS} mappings"
        if self.deleted > MOST_DELETED:
            return f"memory: more than {MOST_DELETED} mappings of deleted files or shared memory"
        return ""


def socket_buffer() -> int:
    """Bytes that may wait in one direction of a socket pair; programs cannot change the size of the buffer."""
    return int(Path("/proc/sys/net/core/wmem_default").read_text(encoding="ascii")) + _OVERSHOOT


class Inspector:
    """Finds the open files of one kernel."""

    def __init__(self, work: str, file_size: int) -> None:
        """`work` is the session's folder as the kernel sees it. A mapped file whose size cannot be determined counts
        as `file_size` bytes.
        """
        self._work = work
        self._file_size = file_size

    def inspect(self, family: Sequence[int]) -> OpenFiles:
        """Stops counting beyond the limits. Raises PermissionError for a process that cannot be inspected."""
        found = OpenFiles()
        known: set[tuple[int, int]] = set()
        for member in family:
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended in the meantime
                self._add(living_thread(member), found, known)
            if found.excess():
                break
        return found

    def _add(self, thread: int, found: OpenFiles, known: set[tuple[int, int]]) -> None:
        try:
            self._add_descriptors(thread, found, known)
            self._add_mappings(thread, found, known)
        except PermissionError:
            # Only root may look at a process that has ended and that nobody has waited for yet.
            if has_memory(thread):
                raise

    def _add_descriptors(self, thread: int, found: OpenFiles, known: set[tuple[int, int]]) -> None:
        names = os.listdir(f"/proc/{thread}/fd")  # noqa: PTH208  names alone
        found.descriptors += len(names)
        if found.descriptors > MOST_DESCRIPTORS:
            return
        for name in names:
            path = f"/proc/{thread}/fd/{name}"
            try:
                about = os.stat(path)  # noqa: PTH116  of thousands of descriptors
            except FileNotFoundError:  # closed in the meantime
                continue
            kind = stat.S_IFMT(about.st_mode)
            if kind == stat.S_IFSOCK:
                found.sockets.add(about.st_ino)
            elif kind == stat.S_IFIFO:
                found.pipes.add(about.st_ino)
            elif about.st_nlink == 0 and kind in {stat.S_IFREG, stat.S_IFDIR}:
                with suppress(FileNotFoundError):
                    if self._is_ours(os.readlink(path)):  # noqa: PTH115  as above
                        _add_once(about, known, found)

    def _add_mappings(self, thread: int, found: OpenFiles, known: set[tuple[int, int]]) -> None:
        text = Path(f"/proc/{thread}/maps").read_bytes()
        found.mappings += text.count(b"\n")
        found.deleted += text.count(_GONE.encode() + b"\n")
        if found.excess():
            return
        listed: set[tuple[bytes, bytes]] = set()
        for extent, device, inode, path in _DELETED.findall(text) if found.deleted else ():
            if (device, inode) in listed:
                continue
            shared = path == _ANONYMOUS
            if not shared and not self._is_ours(os.fsdecode(path) + _GONE):
                continue
            listed.add((device, inode))
            identity = _device(device), int(inode)
            if identity not in known:
                known.add(identity)
                size = _size_on_disk(thread, os.fsdecode(extent))
                if shared:
                    found.shared += _length(extent) if size is None else size
                else:
                    found.unlinked += self._file_size if size is None else size

    def _is_ours(self, path: str) -> bool:
        return path.startswith(f"{self._work}/") and path.endswith(_GONE)


def _add_once(about: os.stat_result, known: set[tuple[int, int]], found: OpenFiles) -> None:
    if (about.st_dev, about.st_ino) not in known:
        known.add((about.st_dev, about.st_ino))
        found.unlinked += about.st_blocks * 512


def _device(text: bytes) -> int:
    major, minor = text.split(b":")
    return os.makedev(int(major, 16), int(minor, 16))


def _length(extent: bytes) -> int:
    start, end = extent.split(b"-")
    return int(end, 16) - int(start, 16)


def _size_on_disk(thread: int, extent: str) -> int | None:
    """Bytes on disk of a mapped file; 0 if it still has another name; None if only root may see it."""
    start, end = (part.lstrip("0") for part in extent.split("-"))
    try:
        about = os.stat(f"/proc/{thread}/map_files/{start}-{end}")  # noqa: PTH116  as above
    except FileNotFoundError:  # unmapped in the meantime
        return 0
    except PermissionError:
        return None
    return 0 if about.st_nlink else about.st_blocks * 512


def scratch_in_use(pid: int, folders: Sequence[str]) -> int:
    """Bytes in a kernel's own tmpfs folders; 0 if it is gone or may not be looked at."""
    return sum(_used(f"/proc/{living_thread(pid)}/root{folder}") for folder in folders)


def _used(path: str) -> int:
    try:
        about = os.statvfs(path)
    except OSError:
        return 0
    return (about.f_blocks - about.f_bfree) * about.f_frsize


def readable(pid: int) -> bool:
    """Whether this service may list the open files of the process."""
    try:
        return bool(os.listdir(f"/proc/{living_thread(pid)}/fd"))  # noqa: PTH208  names alone
    except OSError:
        return False
