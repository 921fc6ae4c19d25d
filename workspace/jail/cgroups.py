"""A control group for each kernel, where this service may create some: Linux then limits everything that it uses.

Only groups that were given to the service are used: those of its own user, those that systemd marks with
`Delegate=yes`, and the root of a hierarchy or of a container's part of it, which no other manager looks after.
Blocking functions, except `Group.limit_was_reached`.
"""

import itertools
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .wire import Limits

logger = logging.getLogger(__name__)

WANTED = ("memory", "pids", "cpu")
_PREFIX = "llm-api-kernel-"
_LEAF = "llm-api-service"
"""The service's own group in version 2, where a group with processes cannot have limited subgroups."""
_SERVICE_WEIGHT = 1000
"""The service's share of a busy processor; each kernel has 100."""
_KERNEL_SHARES = 102
"""The same in version 1, where each process of the service has 1024."""
_EMPTYING_SECONDS = 1.0
_MOVES = 3
"""Processes may fork while they are moved."""


@dataclass(frozen=True)
class Hierarchy:
    """A tree of control groups."""

    base: Path
    """The group below which the kernels' groups are created."""

    controllers: tuple[str, ...]
    unified: bool
    """Version 2; in version 1 each controller has a tree of its own."""

    def limits(self, limits: Limits) -> Iterator[tuple[str, int]]:
        """Files of a kernel's group and their content."""
        if "pids" in self.controllers:
            yield "pids.max", limits.processes
        if "cpu" in self.controllers and not self.unified:
            yield "cpu.shares", _KERNEL_SHARES
        if "memory" in self.controllers and self.unified:
            yield from (("memory.max", limits.memory), ("memory.swap.max", 0), ("memory.oom.group", 1))
        elif "memory" in self.controllers:
            yield from (("memory.limit_in_bytes", limits.memory), ("memory.memsw.limit_in_bytes", limits.memory))


class Group:
    """The control groups of one kernel, one per hierarchy; without any, nothing happens."""

    def __init__(self, hierarchies: tuple[Hierarchy, ...] = (), name: str = "", limits: Limits | None = None) -> None:
        """Creates them. Raises OSError."""
        self._folders = [hierarchy.base / name for hierarchy in hierarchies]
        self._events = -1
        try:
            for hierarchy, folder in zip(hierarchies, self._folders, strict=True):
                folder.mkdir()
                for file, value in hierarchy.limits(limits) if limits else ():
                    with suppress(FileNotFoundError):  # this Linux has no such limit, for example without swap
                        (folder / file).write_text(str(value), encoding="ascii")
                if "memory" in hierarchy.controllers:
                    events = "memory.events" if hierarchy.unified else "memory.oom_control"
                    self._events = os.open(folder / events, os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            self.remove()
            raise

    def add(self, pid: int) -> None:
        """Move a process here; its later descendants begin here. Raises OSError, but not if the process has ended."""
        for folder in self._folders:
            with suppress(ProcessLookupError):
                (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def limit_was_reached(self) -> bool:
        """Whether Linux killed a process for its memory. Does not block: the file has no disk behind it."""
        if self._events < 0:
            return False
        words = os.pread(self._events, 4096, 0).split()
        return words[words.index(b"oom_kill") + 1] != b"0" if b"oom_kill" in words else False

    def remove(self) -> None:
        """Kill what is left inside, and remove the groups. A group that does not empty stays for the next start."""
        events, self._events = self._events, -1
        if events >= 0:
            os.close(events)
        for folder in self._folders:
            _remove(folder, time.monotonic() + _EMPTYING_SECONDS)
        self._folders = []


def _remove(folder: Path, until: float) -> None:
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if time.monotonic() > until:
                logger.warning("the control group %s cannot be removed: %s", folder.name, error.strerror)
                return
            with suppress(OSError):  # before Linux 5.14, its processes are killed in another way
                (folder / "cgroup.kill").write_text("1", encoding="ascii")
            time.sleep(0.01)
        else:
            return


class ControlGroups:
    """Creates the groups of kernels."""

    def __init__(self, hierarchies: tuple[Hierarchy, ...], missing: str) -> None:
        self._hierarchies = hierarchies
        self.missing = missing
        """Why not all of WANTED are limited, or an empty string."""

        self._numbers = itertools.count(1)

    @property
    def mechanism(self) -> str:
        """Its entry in the sandbox's report, or an empty string."""
        found = [name for hierarchy in self._hierarchies for name in hierarchy.controllers]
        version = 2 if any(hierarchy.unified for hierarchy in self._hierarchies) else 1
        return f"control groups (version {version}: {', '.join(sorted(found))})" if found else ""

    def group(self, limits: Limits) -> Group:
        """A group for a kernel. If it cannot be created, the kernel does without, and the log says why."""
        if not self._hierarchies:
            return Group()
        try:
            return Group(self._hierarchies, f"{_PREFIX}{_owner(os.getpid())}-{next(self._numbers)}", limits)
        except OSError as error:
            logger.warning("a kernel starts without a control group: %s", error)
            return Group()


def find() -> ControlGroups:
    """The groups that this service may use. Enters its own group in version 2, and removes those of a dead service."""
    found: list[Hierarchy] = []
    missing: dict[str, str] = dict.fromkeys(WANTED, "is not mounted")
    for candidate in _candidates():
        try:
            hierarchy = _prepared(candidate)
        except OSError as error:
            missing |= dict.fromkeys(candidate.controllers, f"cannot be used: {error.strerror or error}")
            continue
        found.append(hierarchy)
        for name in hierarchy.controllers:
            missing.pop(name, None)
        _sweep(hierarchy.base)
    return ControlGroups(tuple(found), "; ".join(f"{name} {reason}" for name, reason in missing.items()))


def _candidates() -> Iterator[Hierarchy]:
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return
    for line in own:
        _, names, path = line.split(":", 2)
        wanted = tuple(name for name in names.split(",") if name in WANTED)
        for mount in mounts:
            kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
            unified = not names and kind == "cgroup2"
            if unified or (kind == "cgroup" and wanted and set(wanted) <= set(options)):
                base = Path(mount[4]) / os.path.relpath(path, mount[3])
                if unified and base.name == _LEAF:
                    base = base.parent
                yield Hierarchy(base, wanted or _available(base), unified)
                break


def _available(base: Path) -> tuple[str, ...]:
    with suppress(OSError):
        words = (base / "cgroup.controllers").read_text(encoding="ascii").split()
        return tuple(name for name in WANTED if name in words)
    return ()


def _prepared(hierarchy: Hierarchy) -> Hierarchy:
    """The hierarchy, if the service may create groups there. Raises OSError."""
    base = hierarchy.base
    if not hierarchy.controllers:
        raise FileNotFoundError("no controllers")
    if not os.access(base, os.W_OK):
        raise PermissionError("the group is not writable")
    if os.geteuid() == 0 and not (base.is_mount() or _is_delegated(base)):
        raise PermissionError("the group belongs to another manager; systemd needs Delegate=yes")
    if hierarchy.unified:
        if (base / "cgroup.type").exists():  # not in the root of the machine
            _enter_leaf(base)
        enabled = " ".join(f"+{name}" for name in hierarchy.controllers)
        (base / "cgroup.subtree_control").write_text(enabled, encoding="ascii")
        with suppress(OSError):  # no group of its own at the root, or no such controller
            (base / _LEAF / "cpu.weight").write_text(str(_SERVICE_WEIGHT), encoding="ascii")
    return hierarchy


def _is_delegated(base: Path) -> bool:
    for name in ("user.delegate", "trusted.delegate"):
        with suppress(OSError):
            if os.getxattr(base, name) == b"1":
                return True
    return False


def _enter_leaf(base: Path) -> None:
    leaf = base / _LEAF
    leaf.mkdir(exist_ok=True)
    for _ in range(_MOVES):
        for pid in (base / "cgroup.procs").read_text(encoding="ascii").split():
            with suppress(ProcessLookupError):
                (leaf / "cgroup.procs").write_text(pid, encoding="ascii")


def _sweep(base: Path) -> None:
    """Remove the empty groups of services that were killed."""
    for folder in base.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).rpartition("-")[0]
        pid = owner.partition("-")[0]
        if not pid.isdecimal() or _owner(int(pid)) != owner:
            with suppress(OSError):  # not empty
                folder.rmdir()


def _owner(pid: int) -> str:
    """The process with its start time, because process IDs are used again; empty if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return f"{pid}-{stat.rpartition(')')[2].split()[19]}"
