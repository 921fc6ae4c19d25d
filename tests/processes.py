"""Processes seen by a test, and whether they have ended."""

from collections.abc import Iterable

import psutil

from tests.serving import until


def ended(process: psutil.Process) -> bool:
    """Includes processes not reaped yet: an orphan's new parent reaps it sooner or later."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def all_end(processes: Iterable[psutil.Process], seconds: float = 10) -> None:
    """Wait for their end; fails if one does not end."""
    left = list(processes)
    await until(lambda: all(ended(process) for process in left), seconds)
