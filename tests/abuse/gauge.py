"""What a service takes of the machine: memory, disk, descriptors and processes of its whole tree."""

import contextlib
import os
import stat
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

EVERY = 0.5
"""Seconds between two measurements during an attack."""


@dataclass(frozen=True)
class Taken:
    """Bytes of memory and disk, and counts."""

    memory: int
    """Proportional: pages that forked processes share count once."""
    main: int
    """Resident memory of the service's own process."""
    disk: int
    """Allocated, including files that are open but deleted."""
    descriptors: int
    """Of the service's own process."""
    processes: int


class Gauge:
    """Measures one service."""

    def __init__(self, pid: int, folders: list[Path]) -> None:
        self._service = psutil.Process(pid)
        self._folders = folders

    def taken(self) -> Taken:
        """Raises psutil.NoSuchProcess if the service has ended."""
        tree = [self._service, *self._service.children(recursive=True)]
        return Taken(
            memory=sum(_proportional(process.pid) for process in tree),
            main=self._service.memory_info().rss,
            disk=sum(_allocated(folder) for folder in self._folders) + _deleted(tree),
            descriptors=self._service.num_fds(),
            processes=len(tree),
        )


class Peak:
    """A thread that measures until the block ends and keeps the largest of each."""

    def __init__(self, gauge: Gauge) -> None:
        self.taken = gauge.taken()
        self._gauge = gauge
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(EVERY):
            with contextlib.suppress(psutil.NoSuchProcess):
                now = self._gauge.taken()
                names = Taken.__dataclass_fields__
                self.taken = Taken(**{name: max(getattr(self.taken, name), getattr(now, name)) for name in names})


def _proportional(pid: int) -> int:
    """0 for a process that has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0


def _allocated(folder: Path, seconds: float = 5) -> int:
    """Without ends: an attacker may build a tree that cannot be walked."""
    total, left, until = 0, [str(folder)], time.monotonic() + seconds
    while left and time.monotonic() < until:
        with contextlib.suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
    return total


def _deleted(tree: list[psutil.Process]) -> int:
    """Bytes of files without a name that the processes have open."""
    found: dict[tuple[int, int], int] = {}
    for process in tree:
        folder = Path(f"/proc/{process.pid}/fd")
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):  # noqa: PTH208 (a thousand times per second)
                with contextlib.suppress(OSError):
                    status = os.stat(folder / name)  # noqa: PTH116
                    if stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                        found[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(found.values())
