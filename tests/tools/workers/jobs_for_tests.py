"""Functions that the tests run in workers."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from tools.workers.jobs import JobError


class UnfitError(JobError):
    """A declared error."""


def double(value: Any) -> Any:
    return value * 2


def refuse(words: str) -> None:
    raise UnfitError(words)


def stumble() -> None:
    raise KeyError("nobody declared this")


def eat(size: int) -> int:
    return len(bytearray(size))


def spin() -> None:
    while True:
        pass


def sleep() -> None:
    time.sleep(600)


def kill_myself(number: int) -> None:
    os.kill(os.getpid(), number)


def environment() -> dict[str, str]:
    return dict(os.environ)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def read(path: Path, also: str = "") -> str:
    return Path(also or path).read_text()


def write(path: Path) -> None:
    path.write_text("x" * 10)


def call_home(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def leave_a_child() -> int:
    child = os.fork()
    if child == 0:
        signal.pause()
    return child


def large(size: int) -> bytes:
    return bytes(size)


def foreign() -> Any:
    return subprocess.Popen


class Trap:
    """Unpickling it would run a program."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch trapped",)


def trap() -> Trap:
    return Trap()
