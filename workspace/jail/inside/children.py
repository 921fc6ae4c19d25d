"""Ends the processes that a cell has started, at the end of the cell."""

import gc
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

from ..processes import children_of

_SECONDS = 2.0
_PAUSE = 0.001
_ENOUGH = 3
"""Empty lists in a row: Linux may skip a process while others come and go."""


def end_children(spared: set[int]) -> None:
    """Kill every descendant of this process except those that are `spared`, and collect their exit statuses.

    When a process ends, its own children become ours, as this process is their subreaper or the first of its PID
    namespace. So this is repeated until there are none.
    """
    if not hasattr(os, "waitid"):
        _end_family(spared)
        return
    forget_ended(spared)
    if not _has_children():
        return
    until = time.monotonic() + _SECONDS
    empty = 0
    while empty < _ENOUGH and time.monotonic() < until:
        alive = [pid for pid in children_of("self") if pid not in spared and _runs(pid)]
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        empty = 0 if alive else empty + 1
        time.sleep(_PAUSE if alive else 0)
    if dead := [pid for pid in children_of("self") if pid not in spared]:
        _collect(dead)


def forget_ended(children: set[int]) -> None:
    """Collect the exit statuses of those that have ended, and remove them."""
    for pid in list(children):
        try:
            has_ended = os.waitpid(pid, os.WNOHANG)[0] != 0
        except ChildProcessError:  # the cell has waited for it
            has_ended = True
        if has_ended:
            children.remove(pid)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _runs(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def _end_family(spared: set[int]) -> None:
    """On macOS: without the processes whose parent has ended."""
    import psutil  # noqa: PLC0415  only needed there

    family = [process for process in psutil.Process().children(recursive=True) if process.pid not in spared]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    if family:
        time.sleep(_PAUSE)
        _collect([process.pid for process in family])


def _collect(dead: list[int]) -> None:
    """Let their owners see the exit statuses first: a `Popen` that finds its process gone would report success."""
    for value in gc.get_objects():
        if issubclass(type(value), subprocess.Popen):
            value.poll()
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].active_children()
    for pid in dead:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
