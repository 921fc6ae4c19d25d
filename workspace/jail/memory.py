"""Memory of a kernel's processes, as Linux reports it. Blocking functions."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Resident pages, what was swapped out, huge pages, and the page tables themselves.
_BOUND = re.compile(rb"^(?:VmRSS|VmSwap|HugetlbPages|VmPTE):\s+(\d+) kB", re.MULTILINE)
_BESIDES = re.compile(rb"^(?:HugetlbPages|VmPTE):\s+(\d+) kB", re.MULTILINE)
_EXACT = re.compile(rb"^(Pss|SwapPss|Pss_Shmem):\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Share:
    """What a process uses, with shared pages counted proportionally; in bytes."""

    total: int
    shared: int
    """The part of it that is shared memory: pages of a tmpfs or of anonymous shared mappings."""


def memory_in_use(family: Sequence[int], enough: int, shared: int = 0) -> int:
    """Memory of these processes together in bytes, with shared pages counted proportionally.

    `shared` is the size of their shared memory, which also exists where no process has it in its page tables. The
    exact figure is expensive, so it is only determined if the cheap upper bound exceeds `enough`.
    """
    bound = sum(_bound(member) for member in family) + shared
    if bound <= enough:
        return bound
    shares = [_share(member) for member in family]
    seen = sum(share.shared for share in shares)
    return sum(share.total for share in shares) - seen + max(seen, shared)


def proportional_memory(pid: int) -> int:
    """Memory of one process in bytes, with shared pages counted proportionally (PSS); 0 if it is gone."""
    return _share(pid).total


def living_thread(pid: int) -> int:
    """A thread of the process that has memory and descriptors: Linux shows none for a main thread that has ended.

    `pid` itself if there is no such thread.
    """
    if has_memory(pid):
        return pid
    try:
        threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208  names alone
    except (FileNotFoundError, ProcessLookupError):
        return pid
    return next((thread for thread in threads if has_memory(thread)), pid)


def has_memory(thread: int) -> bool:
    """Whether the thread's process has not ended, and it neither."""
    return b"VmRSS" in _status(thread)


def _status(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/status").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _kilobytes(pattern: re.Pattern[bytes], text: bytes) -> int:
    return sum(int(size) for size in pattern.findall(text)) << 10


def _bound(pid: int) -> int:
    return _kilobytes(_BOUND, _status(living_thread(pid)))


def _share(pid: int) -> Share:
    thread = living_thread(pid)
    status = _status(thread)
    try:
        rollup = Path(f"/proc/{thread}/smaps_rollup").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return Share(0, 0)
    except PermissionError:
        return Share(_kilobytes(_BOUND, status), 0)
    sizes = {name: int(size) << 10 for name, size in _EXACT.findall(rollup)}
    total = sizes.get(b"Pss", 0) + sizes.get(b"SwapPss", 0) + _kilobytes(_BESIDES, status)
    return Share(total, sizes.get(b"Pss_Shmem", 0))
