"""Processes that a test has seen, and whether they have ended."""

from collections.abc import Iterable

import psutil

from tests.serving import until


def ended(process: psutil.Process) -> bool:
    """Also one that nobody has waited for yet: an orphan's end is noted by whoever adopts it, sooner or later."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def all_end(processes: Iterable[psutil.Process], seconds: float = 10) -> None:
    """Wait for it; fails when one does not."""
    left = list(processes)
    await until(lambda: all(ended(process) for process in left), seconds)
