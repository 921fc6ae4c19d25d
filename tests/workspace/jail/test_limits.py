"""What a session hoards counts, however it hides it; ordinary programs do not notice."""

from pathlib import Path

import psutil
import pytest

from tests.processes import all_end

from .conftest import Launch
from .driver import run
from .hoards import HOARDS


@pytest.mark.parametrize("name", HOARDS)
async def test_a_hoard_is_the_end_of_its_kernel(name: str, launch: Launch) -> None:
    reason, code = HOARDS[name]
    kernel = await launch("hoarder")
    family = [psutil.Process(kernel.pid)]
    cell = await run(kernel, code, seconds=50)
    assert cell.died, cell.error
    assert kernel.why_it_died.startswith(reason)
    await all_end(family)
    assert _named(kernel.folder) < 60 << 20


def _named(folder: Path) -> int:
    """Bytes that the hoard leaves on disk: the size of what still has a name."""
    return sum(path.stat().st_size for path in folder.iterdir())
