"""Landlock: restricts which files this process and its children can reach. Single-threaded callers only.

Source: `Documentation/userspace-api/landlock.rst` of the Linux kernel.
"""

import enum
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .limits import no_new_privileges
from .syscalls import call


class Access(enum.IntFlag):
    """Linux's access rights for files."""

    EXECUTE = enum.auto()
    WRITE_FILE = enum.auto()
    READ_FILE = enum.auto()
    READ_DIR = enum.auto()
    REMOVE_DIR = enum.auto()
    REMOVE_FILE = enum.auto()
    MAKE_CHAR = enum.auto()
    MAKE_DIR = enum.auto()
    MAKE_REG = enum.auto()
    MAKE_SOCK = enum.auto()
    MAKE_FIFO = enum.auto()
    MAKE_BLOCK = enum.auto()
    MAKE_SYM = enum.auto()
    REFER = enum.auto()
    TRUNCATE = enum.auto()
    IOCTL_DEV = enum.auto()


_READ = Access.EXECUTE | Access.READ_FILE | Access.READ_DIR
_MODIFY = Access.WRITE_FILE | Access.TRUNCATE | Access.REMOVE_DIR | Access.REMOVE_FILE | Access.REFER
# No links, pipes or sockets: the server must be able to open everything in a session's folder.
_WRITE = Access.READ_FILE | Access.READ_DIR | _MODIFY | Access.MAKE_DIR | Access.MAKE_REG
_ON_FILES = Access.EXECUTE | Access.READ_FILE | Access.WRITE_FILE | Access.TRUNCATE | Access.IOCTL_DEV
_FIRST_ABI = (Access.MAKE_SYM << 1) - 1
_LATER_ABI = {2: Access.REFER, 3: Access.TRUNCATE, 5: Access.IOCTL_DEV}
_NETWORK_ABI = 4
_SCOPE_ABI = 6
_RULE_PATH_BENEATH = 1
_VERSION_FLAG = 1


@dataclass(frozen=True)
class Reach:
    """What stays reachable; paths that do not exist are ignored."""

    read: tuple[str, ...]
    write: tuple[str, ...]
    devices: tuple[str, ...] = ("/dev/null",)


def abi() -> int:
    """The version that Linux offers, 0 for none."""
    try:
        return call("landlock_create_ruleset", None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def restrict(reach: Reach) -> None:
    """Refuse everything except `reach`, including TCP and (ABI 6) signals to and abstract sockets of other processes.

    Raises OSError if Linux has no Landlock.
    """
    version = abi()
    handled = Access(_FIRST_ABI)
    for since, right in _LATER_ABI.items():
        if version >= since:
            handled |= right
    attributes = struct.pack("QQQ", handled, 3 if version >= _NETWORK_ABI else 0, 3 if version >= _SCOPE_ABI else 0)
    size = 8 if version < _NETWORK_ABI else 16 if version < _SCOPE_ABI else 24
    rules = call("landlock_create_ruleset", attributes[:size], size, 0)
    try:
        _allow(rules, reach.read, _READ & handled)
        _allow(rules, reach.write, _WRITE & handled)
        _allow(rules, reach.devices, (Access.READ_FILE | Access.WRITE_FILE) & handled)
        no_new_privileges()
        call("landlock_restrict_self", rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, paths: Iterable[str], access: Access) -> None:
    for path in paths:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, PermissionError):
            continue
        try:
            granted = access if Path(path).is_dir() else access & _ON_FILES
            call("landlock_add_rule", rules, _RULE_PATH_BENEATH, struct.pack("=Qi", granted, fd), 0)
        finally:
            os.close(fd)
