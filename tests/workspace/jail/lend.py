"""Runs `elsewhere.py`, which simulates a weaker machine."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest


async def elsewhere(*arguments: str) -> dict[str, Any]:
    """The report of a run with these arguments; skips the test unless root."""
    if os.geteuid() != 0:
        pytest.skip("only root can lend a weaker machine")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.workspace.jail.elsewhere", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    report: dict[str, Any] = json.loads(output)
    return report
