"""The order in which a forked kernel confines itself. Runs once, in the child, before its first thread."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from .walls import landlock, limits, mounts, scratch, seccomp, syscalls
from .wire import WORK, Level, Spawn, ZygoteConfig

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/dev")
# Without a private file tree: what Python and the libraries read from the machine's.
_SHARED_SYSTEM = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/stat",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
)


@dataclass(frozen=True)
class Place:
    """The environment of a sandboxed kernel."""

    work: str
    """Its session's folder."""

    scratch: str
    """The folder for temporary files."""


def leave_the_machine(config: ZygoteConfig) -> None:
    """For a process that then only waits: the next child starts a PID namespace. Raises OSError if refused."""
    if config.level.has_namespaces:
        uid, gid = os.getuid(), os.getgid()
        if limits.may_administer():
            syscalls.unshare(syscalls.CLONE_NEWPID)
        else:
            syscalls.unshare(syscalls.CLONE_NEWPID | syscalls.CLONE_NEWUSER)
            syscalls.map_own_ids(uid, gid)


def enter_common_tree(config: ZygoteConfig) -> None:
    """For that child: the small file tree shared by all kernels, no network, its own host name."""
    if config.level.has_namespaces:
        flags = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWNET
        syscalls.unshare(flags)
        syscalls.sethostname("jail")
        mounts.build_root(config.read_only, config.sessions)
        mounts.scratch("/tmp", size=64 << 20, inodes=10_000, keep=config.read_only)  # noqa: S108
        mounts.own_proc()


def lock_in(config: ZygoteConfig, spawn: Spawn, seccomp_filter: bytes) -> Place:
    """Confine this process permanently according to `config.level`. Raises OSError at the first mechanism that
    fails.
    """
    syscalls.die_with_parent()
    _volunteer_for_the_oom_killer()
    if config.level.has_namespaces:
        place = _enter_own_tree(config, spawn)
        reach = landlock.Reach(read=_SYSTEM + config.read_only, write=(place.work, place.scratch, "/dev/shm"))  # noqa: S108
    else:
        place = _share_the_tree(config, spawn)
        own_proc = f"/proc/{os.getpid()}"
        reach = landlock.Reach(read=(*config.read_only, *_SHARED_SYSTEM, own_proc), write=(place.work,))
    os.chdir(place.work)
    limits.apply(spawn.limits)
    if config.level is not Level.OFF:
        limits.no_new_privileges()
        limits.drop_capabilities()
    if config.level.has_landlock:
        landlock.restrict(reach)
    # The change of user made the process undumpable: an ordinary user's watchdog could then not measure it.
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    # This call cleared it again.
    syscalls.die_with_parent()
    if config.level is not Level.OFF:
        seccomp.restrict(seccomp_filter)
    return place


def _volunteer_for_the_oom_killer() -> None:
    Path("/proc/self/oom_score_adj").write_text("900", encoding="ascii")


def _enter_own_tree(config: ZygoteConfig, spawn: Spawn) -> Place:
    syscalls.unshare(
        syscalls.CLONE_NEWNS
        | syscalls.CLONE_NEWIPC
        | syscalls.CLONE_NEWUTS
        | syscalls.CLONE_NEWCGROUP
        | syscalls.CLONE_NEWNET
    )
    mounts.show_only(spawn.folder, scratch_size=config.scratch_size, keep=config.read_only)
    if spawn.uid:
        limits.become(spawn.uid)
        # An undumpable process may not write its own ID maps.
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    if config.user_namespaces:
        uid, gid = os.getuid(), os.getgid()
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        syscalls.map_own_ids(uid, gid)
    return Place(work=WORK, scratch="/tmp")  # noqa: S108


def _share_the_tree(config: ZygoteConfig, spawn: Spawn) -> Place:
    if spawn.uid:
        limits.become(spawn.uid)
    work = Path(config.sessions, spawn.folder)
    return Place(work=str(work), scratch=str(scratch.create(work)))


def environment(place: Place) -> dict[str, str]:
    """All environment variables of a kernel."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "user",
        "HOME": place.work,
        "TMPDIR": place.scratch,
        "IPYTHONDIR": f"{place.scratch}/.ipython",
        "MPLCONFIGDIR": f"{place.scratch}/.matplotlib",
        "MPLBACKEND": "module://workspace.jail.inside.figures",
    }


def readable_system(extra: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What kernels may read: system libraries, this Python, its packages, and this package; nothing else of the
    service.
    """
    package = Path(__file__).resolve().parent
    candidates = (
        *("/usr", "/lib", "/lib64", "/bin", "/sbin"),
        *(
            "/etc/ld.so.cache",
            "/etc/alternatives",
            "/etc/fonts",
            "/etc/localtime",
            "/etc/ssl/certs",
            "/etc/mime.types",
        ),
        sys.base_prefix,
        sys.prefix,
        str(package),
        str(package.parent / "__init__.py"),
        *extra,
    )
    return tuple(path for path in dict.fromkeys(candidates) if os.path.lexists(path))
