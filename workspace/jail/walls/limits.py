"""Resource limits, capabilities and privileges of the calling process."""

import ctypes
import os
import resource
from contextlib import suppress
from pathlib import Path

from ..wire import Limits
from .syscalls import (
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_CLEAR_ALL,
    PR_CAPBSET_DROP,
    PR_SET_NO_NEW_PRIVS,
    call,
    prctl,
)

NICENESS = 5
"""Of a kernel: it gets a third of the share of a process of the service."""
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_SYS_ADMIN = 21
_PENDING_SIGNALS = 4096
"""Also the number of timers of a user (`timer_create`)."""


def apply(limits: Limits) -> None:
    """Set the limits, never above those of this process."""
    mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    wanted = {
        resource.RLIMIT_AS: mapped + limits.memory,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_size,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: _PENDING_SIGNALS,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))


def step_back() -> None:
    """Give the service precedence on a busy processor. Call it in a new session of processes."""
    os.nice(NICENESS)
    with suppress(OSError):  # this Linux has no automatic groups
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def become(uid: int) -> None:
    """Change from root to the user and group `uid`, without other groups. PermissionError unless root."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def no_new_privileges() -> None:
    """Set-uid programs can no longer give this process or its children more privileges."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Drop every capability, including those that a program could regain."""
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # beyond the last capability, or already without the right to drop: then there are none
            break
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def may_administer() -> bool:
    """Whether this process has CAP_SYS_ADMIN, with which namespaces need no user namespace."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1)
    return False
