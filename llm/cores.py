"""How many threads can really compute side by side."""

import math
import os
from pathlib import Path

import psutil

QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(quota: Path = QUOTA) -> int:
    """Physical cores, or fewer where the process is bound to some or its container may use less (cgroup v2)."""
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux
        cores = min(cores, len(os.sched_getaffinity(0)))
    return max(1, min(cores, _allowed(quota)))


def _allowed(quota: Path) -> int:
    try:
        most, period = quota.read_text().split()
        return math.ceil(int(most) / int(period))
    except (OSError, ValueError, ZeroDivisionError):  # no cgroup v2, or "max"
        return os.cpu_count() or 1
