"""The file tree of a sandboxed process."""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from ..wire import WORK
from .syscalls import call, mount, unmount_lazily

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_REC = 16384
MS_SLAVE = 1 << 19

_ATTR_RDONLY = 1
_ATTR_NOSUID = 2
_ATTR_NODEV = 4
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000

SESSIONS = "/.sessions"
_DEVICES = ("null", "zero", "full", "random", "urandom")
_STREAMS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace")]


def harden(path: str, *, read_only: bool = True, recursive: bool = True) -> None:
    """No set-uid programs, no devices and, by default, no writing in `path`. Linux 5.12 or newer."""
    wanted = _ATTR_NOSUID | _ATTR_NODEV | (_ATTR_RDONLY if read_only else 0)
    attributes = _MountAttributes(wanted, 0, 0, 0)
    call(
        "mount_setattr",
        _AT_FDCWD,
        path.encode(),
        _AT_RECURSIVE if recursive else 0,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )


def freeze(path: str) -> None:
    """Make only the mount at `path` read-only, keeping its devices."""
    attributes = _MountAttributes(_ATTR_RDONLY, 0, 0, 0)
    call("mount_setattr", _AT_FDCWD, path.encode(), 0, ctypes.byref(attributes), ctypes.sizeof(attributes))


def scratch(path: str, *, size: int, inodes: int, keep: Iterable[str] = ()) -> None:
    """An empty tmpfs of `size` bytes on `path`; the mounts `keep` below it stay visible."""
    kept = [(k, os.open(k, os.O_PATH | os.O_CLOEXEC)) for k in keep if k.startswith(path + "/") and Path(k).exists()]
    mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size},nr_inodes={inodes},mode=1777")
    for below, fd in kept:
        _place_for(Path(f"/proc/self/fd/{fd}"), Path(below))
        mount(f"/proc/self/fd/{fd}", below, None, MS_BIND | MS_REC)
        os.close(fd)


def own_proc() -> None:
    """The `/proc` of this PID namespace. Writable, because a process writes its own ID maps there."""
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def show_only(folder: str, *, scratch_size: int, keep: Iterable[str]) -> None:
    """In `build_root`'s tree: show one session's folder at WORK, hide the others, and mount private scratch space and
    `/proc`.
    """
    mount(f"{SESSIONS}/{folder}", WORK, None, MS_BIND)
    harden(WORK, read_only=False)
    hidden = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
    mount("tmpfs", SESSIONS, "tmpfs", hidden, "size=4k,mode=000")
    scratch("/tmp", size=scratch_size, inodes=20_000, keep=keep)  # noqa: S108
    scratch("/dev/shm", size=scratch_size, inodes=1_000)  # noqa: S108
    own_proc()
    freeze("/")


def build_root(read_only: Iterable[str], sessions: str) -> None:
    """Replace the whole tree with a small one: `read_only` paths, five devices, `sessions` at SESSIONS.

    Uses two pivots, like bubblewrap, so that the sources can be anywhere, even in `/tmp`: a scratch tmpfs becomes the
    root with the old tree inside, the new tree is assembled from it and then becomes the root itself.
    """
    mount("none", "/", None, MS_REC | MS_SLAVE)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")  # noqa: S108
    os.chdir("/tmp")  # noqa: S108
    Path("new").mkdir()
    Path("old").mkdir()
    call("pivot_root", b".", b"old")
    os.chdir("/")
    mount("tmpfs", "/new", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    _fill(Path("/new"), Path("/old"), read_only, sessions)
    unmount_lazily("/old")
    os.chdir("/new")
    call("pivot_root", b".", b".")
    unmount_lazily(".")
    os.chdir("/")


def _fill(new: Path, old: Path, read_only: Iterable[str], sessions: str) -> None:
    for path in sorted(set(read_only)):
        _show(new, old, path)
    for folder in ("etc", "dev/shm", "proc", "tmp", WORK[1:]):
        (new / folder).mkdir(parents=True, exist_ok=True)
    _write_identity(new / "etc")
    for device in _DEVICES:
        (new / "dev" / device).touch()
        mount(f"{old}/dev/{device}", f"{new}/dev/{device}", None, MS_BIND)
    for name, target in _STREAMS.items():
        (new / "dev" / name).symlink_to(target)
    (new / SESSIONS[1:]).mkdir()
    mount(f"{old}{sessions}", f"{new}{SESSIONS}", None, MS_BIND)
    mount(f"{old}/proc", f"{new}/proc", None, MS_BIND | MS_REC)


def _show(new: Path, old: Path, path: str) -> None:
    source, target = Path(f"{old}{path}"), Path(f"{new}{path}")
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_symlink():
            target.symlink_to(source.readlink())
    elif source.exists():
        _place_for(source, target)
        mount(str(source), str(target), None, MS_BIND | MS_REC)
        harden(str(target))


def _place_for(source: Path, target: Path) -> None:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()


def _write_identity(etc: Path) -> None:
    uid, gid = os.getuid(), os.getgid()
    texts = {
        "passwd": f"user:x:{uid}:{gid}::{WORK}:/bin/sh\n",
        "group": f"user:x:{gid}:\n",
        "hosts": "127.0.0.1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }
    for name, text in texts.items():
        (etc / name).write_text(text, encoding="utf-8")
