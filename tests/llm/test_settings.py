import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from llm.settings import usable_cores

COUNT = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from llm.settings import usable_cores; "


def test_every_physical_core_counts_where_nothing_is_limited(tmp_path: Path) -> None:
    most = min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0)))
    assert usable_cores(tmp_path / "no cgroup") == most


def test_a_process_that_is_bound_to_one_core_counts_one() -> None:
    told = subprocess.run(
        [sys.executable, "-c", COUNT + "print(usable_cores())"], capture_output=True, text=True, check=True
    )
    assert told.stdout == "1\n"


@pytest.mark.parametrize(("written", "cores"), [("50000 100000", 1), ("100000 100000\n", 1)])
def test_a_container_that_may_use_less_counts_less(tmp_path: Path, written: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(written)
    assert usable_cores(tmp_path / "cpu.max") == cores


@pytest.mark.parametrize("written", ["max 100000", "", "100000 0"])
def test_no_quota_limits_nothing(tmp_path: Path, written: str) -> None:
    (tmp_path / "cpu.max").write_text(written)
    assert usable_cores(tmp_path / "cpu.max") == usable_cores(tmp_path / "no cgroup")
