"""System calls that Python 3.11 does not wrap, as functions that raise OSError."""

import ctypes
import functools
import os
from pathlib import Path

from .syscall_table import numbers

CLONE_NEWTIME = 0x80
CLONE_NEWNS = 0x20000
CLONE_NEWCGROUP = 0x2000000
CLONE_NEWUTS = 0x4000000
CLONE_NEWIPC = 0x8000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    text = ctypes.c_char_p
    libc.mount.argtypes = [text, text, text, ctypes.c_ulong, text]
    return libc


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def call(name: str, *arguments: object) -> int:
    """The raw system call `name`. Integers are passed as longs; bytes and ctypes objects as they are."""
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc().syscall(ctypes.c_long(numbers()[name]), *converted), name)


def unshare(flags: int) -> None:
    """Give this process new namespaces. A process with several threads cannot get a new user namespace."""
    _checked(_libc().unshare(ctypes.c_int(flags)), f"unshare({flags:#x})")


def setns(fd: int, kind: int) -> None:
    """Enter the namespace that `fd` refers to."""
    _checked(_libc().setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def prctl(option: int, *arguments: int) -> int:
    """The `prctl` call; unused arguments are zero, as some options require."""
    padded = [*arguments, 0, 0, 0, 0][:4]
    longs = [ctypes.c_ulong(argument) for argument in padded]
    return _checked(_libc().prctl(ctypes.c_int(option), *longs), f"prctl({option})")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """The `mount` call; `flags` are the MS_ numbers of `mounts.py`."""
    result = _libc().mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        flags,
        data.encode() if data else None,
    )
    _checked(result, f"mount({source}, {target}, {kind})")


def unmount_lazily(target: str) -> None:
    """Remove `target` from the tree now; it is freed after its last use (MNT_DETACH)."""
    _checked(_libc().umount2(target.encode(), 2), f"umount({target})")


def sethostname(name: str) -> None:
    """Set the host name of this UTS namespace."""
    _checked(_libc().sethostname(name.encode(), ctypes.c_size_t(len(name))), "sethostname")


def die_with_parent() -> None:
    """SIGKILL this process when the thread that created it ends. A change of credentials clears this again."""
    prctl(PR_SET_PDEATHSIG, 9)


def map_own_ids(uid: int, gid: int) -> None:
    """In a new user namespace: map only this user and group, to themselves."""
    own = Path("/proc/self")
    if (own / "setgroups").exists():
        (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{uid} {uid} 1")
    (own / "gid_map").write_text(f"{gid} {gid} 1")
