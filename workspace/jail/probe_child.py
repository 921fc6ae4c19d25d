"""`python -m workspace.jail.probe_child CONFIG UID`: confine a child that tries to break out.

Prints `works` or the reason for a failure.
"""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from . import lockdown
from .walls import seccomp, syscalls
from .wire import Limits, Spawn, ZygoteConfig

_LIMITS = Limits(memory=1 << 30, processes=64, cpu_seconds=10, file_size=1 << 20, open_files=256)


def main() -> None:
    """The same steps as in the fork server, in three generations."""
    config = ZygoteConfig.from_json(sys.argv[1])
    try:
        lockdown.leave_the_machine(config)
    except OSError as error:
        _say(str(error))
        return
    _in_child(lambda: _common_tree(config))


def _in_child(task: Callable[[], str]) -> None:
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        text = task()
    except OSError as error:
        text = str(error)
    if text:
        _say(text)
    os._exit(0)


def _common_tree(config: ZygoteConfig) -> str:
    lockdown.enter_common_tree(config)
    if config.level.has_namespaces:
        syscalls.unshare(syscalls.CLONE_NEWPID)
    _in_child(lambda: _push(config))
    return ""


def _push(config: ZygoteConfig) -> str:
    spawn = Spawn("probe", int(sys.argv[2]), _LIMITS, 0, 0, {})
    place = lockdown.lock_in(config, spawn, seccomp.build(namespaces=config.level.has_namespaces))
    checks: dict[str, Callable[[], object]] = {
        "a file of the server can be read": lambda: Path(config.sessions, "../canary").read_bytes(),
        "a file of the server can be changed": lambda: Path(config.sessions, "../canary").write_bytes(b""),
        "a socket can be created": lambda: socket.socket().close(),
        "a namespace can be created": lambda: syscalls.unshare(syscalls.CLONE_NEWNS),
    }
    for text, attempt in checks.items():
        try:
            attempt()
        except OSError:
            continue
        return text
    try:
        Path(place.work, "written").write_bytes(b"x")
        Path(os.__file__).read_bytes()
    except OSError as error:
        return f"the sandboxed user cannot work: {error}"
    return "works"


def _say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


if __name__ == "__main__":
    main()
