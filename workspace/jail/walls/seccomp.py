"""Seccomp: restricts the system calls of sandboxed kernels.

A list of refused calls, not of allowed ones, because data libraries use hundreds of harmless calls. The refused ones
must cover every way out that the other mechanisms leave open; `tests/workspace/jail` tries them one by one.
"""

import ctypes
import errno
import platform
from collections.abc import Callable

from . import syscalls
from .bpf import ALLOW, ARCH, KILL, NUMBER, Program, fail
from .limits import no_new_privileges
from .syscall_table import AUDIT_ARCH, LAST_KNOWN, numbers

# Reported as missing rather than forbidden: callers fall back to older calls on ENOSYS.
_ABSENT = """
io_uring_setup io_uring_enter io_uring_register clone3 inotify_init inotify_init1 inotify_add_watch
landlock_create_ruleset landlock_add_rule landlock_restrict_self
"""

# They leave pages of files in pipes and sockets, of which no figure of a process or folder shows the size. Python's
# `shutil` and `socket` copy in another way if they are missing.
_PAGE_LOANS = "splice tee sendfile vmsplice"

# A descriptor in a message that nobody receives belongs to no process, so its file or socket could not be counted.
# Nothing sends any inside the sandbox: what does, in `multiprocessing`, needs a listening socket.
_MESSAGES = "sendmsg sendmmsg"

_REFUSED = """
ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease bpf
perf_event_open userfaultfd add_key request_key keyctl mount umount2 pivot_root chroot fsopen fsconfig fsmount
fspick move_mount open_tree mount_setattr unshare setns swapon swapoff reboot kexec_load kexec_file_load
init_module finit_module delete_module create_module iopl ioperm acct quotactl quotactl_fd settimeofday
clock_settime adjtimex clock_adjtime sethostname setdomainname open_by_handle_at name_to_handle_at
lookup_dcookie vhangup syslog modify_ldt uselib ustat sysfs _sysctl fanotify_init fanotify_mark mq_open mq_unlink shmget
shmat shmctl semget semop semctl semtimedop msgget msgsnd msgrcv msgctl ioprio_set sched_setparam
sched_setattr migrate_pages move_pages memfd_create memfd_secret execveat mknod mknodat
sched_setaffinity symlink symlinkat
"""

# All of the kernel's sockets are bound by the server, so it never needs to create or name one.
_SOCKETS = ("socket", "connect", "bind", "listen")

# Without a PID namespace, a process could use these to leave its group, by which it is found and killed.
_GROUPS = ("setsid", "setpgid")
# Landlock does not cover these; without a mount namespace they could change other files of the same user.
_ATTRIBUTES = """
chmod chown lchown fchmodat fchmodat2 fchownat utime utimes futimesat setxattr lsetxattr removexattr
lremovexattr setxattrat removexattrat
"""

_NEW_NAMESPACE = (
    syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWCGROUP
    | syscalls.CLONE_NEWUTS
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWUSER
    | syscalls.CLONE_NEWPID
    | syscalls.CLONE_NEWNET
    | syscalls.CLONE_NEWTIME
)
_CLONE_FILES = 0x400
_CLONE_PARENT = 0x8000
_CLONE_THREAD = 0x10000
_CLOSE_RANGE_UNSHARE = 2
_RENAME_WHITEOUT = 4
_PR_SET_DUMPABLE = 4
_SOL_SOCKET = 1
# SO_SNDBUF, SO_RCVBUF, SO_SNDBUFFORCE, SO_RCVBUFFORCE
_BUFFER_SIZES = (7, 8, 32, 33)
# F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ, F_SETDELEG
_DESCRIPTOR_COMMANDS = (1024, 1026, 1031, 1040)
_AF_UNIX = 1
_SOCK_STREAM = 1
_TIOCSTI = 0x5412
_TIOCLINUX = 0x541C
_SET_MODE_FILTER = 1


def build(*, namespaces: bool) -> bytes:
    """The filter, for kernels with or without namespaces.

    Raises LookupError for an unsupported processor.
    """
    table = numbers()
    program = Program()
    program.load(ARCH)
    program.unless_equal(AUDIT_ARCH[platform.machine()], KILL)
    program.load(NUMBER)
    # The x32 calls have a high bit, so they too are above the last known number.
    program.if_above(LAST_KNOWN, fail(errno.ENOSYS))

    def verdict(names: tuple[str, ...] | list[str], code: int) -> None:
        for name in names:
            if name in table:
                program.if_equal(table[name], fail(code))

    def examine(name: str, body: Callable[[Program], None]) -> None:
        if name in table:
            part = Program()
            body(part)
            part.give(ALLOW)
            program.only_for(table[name], part)

    verdict(f"{_ABSENT} {_PAGE_LOANS}".split(), errno.ENOSYS)
    verdict(f"{_REFUSED} {_MESSAGES}".split(), errno.EPERM)
    verdict(_SOCKETS, errno.EACCES)
    examine("socketpair", _only_stream_pairs)
    examine("clone", _only_ordinary_children)
    examine("close_range", lambda part: _without_flag(part, 2, _CLOSE_RANGE_UNSHARE))
    examine("renameat2", lambda part: _without_flag(part, 4, _RENAME_WHITEOUT))
    examine("setsockopt", _no_buffer_sizes)
    examine("fcntl", _only_ordinary_commands)
    examine("prctl", _no_hiding)
    examine("ioctl", _no_typing_into_terminals)
    examine("personality", _only_asking_personality)
    examine("sched_setscheduler", _only_ordinary_scheduling)
    if namespaces:
        # Without a control group, Linux shares the processor among sessions of processes (sched_autogroup).
        verdict(["setsid"], 0)
    else:
        verdict(_GROUPS, errno.EPERM)
        verdict(_ATTRIBUTES.split(), 0)
        examine("prlimit64", lambda part: _only_self(part, 0))
        examine("setpriority", lambda part: _only_self(part, 1))
        examine("getpriority", lambda part: _only_self(part, 1))
        examine("utimensat", _only_open_files)
    program.give(ALLOW)
    return program.assemble()


def _only_stream_pairs(part: Program) -> None:
    # One end of a datagram pair could send to any socket path.
    part.load_argument(0)
    part.unless_equal(_AF_UNIX, fail(errno.EACCES))
    part.load_argument(1)
    part.mask(0xF)
    part.unless_equal(_SOCK_STREAM, fail(errno.EACCES))


def _only_ordinary_children(part: Program) -> None:
    part.load_argument(0)
    # A sibling of the kernel would not be found among its descendants.
    part.if_any_bit(_NEW_NAMESPACE | _CLONE_PARENT, fail(errno.EPERM))
    # A thread's own descriptors would not be found in its process.
    part.mask(_CLONE_THREAD | _CLONE_FILES)
    part.if_equal(_CLONE_THREAD, fail(errno.EPERM))


def _without_flag(part: Program, argument: int, flag: int) -> None:
    part.load_argument(argument)
    part.if_any_bit(flag, fail(errno.EPERM))


def _no_buffer_sizes(part: Program) -> None:
    # Without effect rather than forbidden: Linux too reports success for sizes that it does not grant.
    part.load_argument(1)
    part.unless_equal(_SOL_SOCKET, ALLOW)
    part.load_argument(2)
    for option in _BUFFER_SIZES:
        part.if_equal(option, fail(0))


def _only_ordinary_commands(part: Program) -> None:
    # A lease makes others wait for up to 45 seconds when they open the file; notifications tell what they read.
    part.load_argument(1)
    for command in _DESCRIPTOR_COMMANDS:
        part.if_equal(command, fail(errno.EPERM))


def _no_hiding(part: Program) -> None:
    # An ordinary user's watchdog cannot look into a process that is not dumpable.
    part.load_argument(0)
    part.unless_equal(_PR_SET_DUMPABLE, ALLOW)
    part.load_argument(1)
    part.unless_equal(1, fail(errno.EPERM))


def _no_typing_into_terminals(part: Program) -> None:
    part.load_argument(1)
    part.if_equal(_TIOCSTI, fail(errno.EPERM))
    part.if_equal(_TIOCLINUX, fail(errno.EPERM))


def _only_asking_personality(part: Program) -> None:
    part.load_argument(0)
    part.if_equal(0, ALLOW)
    part.unless_equal(0xFFFFFFFF, fail(errno.EPERM))


def _only_ordinary_scheduling(part: Program) -> None:
    # libzmq aborts unless pthread_setschedparam(SCHED_OTHER) works.
    part.load_argument(1)
    part.unless_equal(0, fail(errno.EPERM))


def _only_self(part: Program, argument: int) -> None:
    part.load_argument(argument)
    part.unless_equal(0, fail(errno.EPERM))


def _only_open_files(part: Program) -> None:
    # futimens() passes no path; with a path the call does nothing, like chmod.
    part.load_argument(1)
    part.unless_equal(0, fail(0))
    part.load_argument(1, high_half=True)
    part.unless_equal(0, fail(0))


class _FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def restrict(program: bytes) -> None:
    """Apply the filter to this process permanently. Raises OSError if Linux has no seccomp."""
    no_new_privileges()
    buffer = ctypes.create_string_buffer(program, len(program))
    described = _FilterProgram(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    syscalls.call("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(described))
