"""Everything that is started is ended and released; nothing outlives the service, however it ends."""

import asyncio
import gc
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.processes import all_end, ended
from workspace.jail.kernels import JailedKernels

from .conftest import SMALL
from .driver import run

CYCLES = int(os.environ.get("JAIL_CYCLES", "50"))


@pytest.mark.timeout(60 + CYCLES)
async def test_many_starts_and_stops_leak_nothing(kernels: JailedKernels) -> None:
    await _cycles(kernels, 5)
    await _fill_pool()
    before = _census(kernels)
    await _cycles(kernels, CYCLES)
    after = _census(kernels)
    assert after["processes"] == before["processes"]
    assert after["descriptors"] <= before["descriptors"] + 2
    assert after["threads"] <= before["threads"]
    assert after["files"] == before["files"]
    assert after["tasks"] == before["tasks"]
    assert after["memory"] < before["memory"] + (20 << 20) + CYCLES * 20_000


async def _fill_pool() -> None:
    """Start every thread that the event loop's pool may have, so that later ones are leaks."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(None, time.sleep, 0.05) for _ in range(40)))


async def _cycles(kernels: JailedKernels, number: int) -> None:
    for cycle in range(number):
        kernel = await kernels.launch("cycle", kernels.sessions / "cycle")
        assert (await run(kernel, "1 + 1")).value == "2"
        if cycle % 5 == 0:
            await kernel.snapshot()
        await kernel.aclose()


def _census(kernels: JailedKernels) -> dict[str, int]:
    own = psutil.Process()
    zygote = psutil.Process(kernels.fork_server_pid).children(recursive=True)[0]
    files = [*kernels.runtime.iterdir()]
    for folder in (kernels.sessions, kernels.snapshots):
        files += (folder / "cycle").glob("**/*")
    return {
        "processes": len(own.children(recursive=True)),
        "descriptors": own.num_fds() + zygote.num_fds(),
        "threads": own.num_threads(),
        "files": len(files),
        "tasks": len(asyncio.all_tasks()),
        "memory": own.memory_info().rss + zygote.memory_info().rss,
    }


_SERVICE = """
import asyncio, sys
from pathlib import Path
from tests.workspace.jail.conftest import SMALL
from tests.workspace.jail.driver import Cell, run
from workspace.jail.kernels import JailedKernels
from workspace.jail.wire import Level
async def main():
    data = Path(sys.argv[1])
    small = SMALL.model_copy(update={"python_code_preload_libraries": ()})
    kernels = JailedKernels(small, sessions=data / "sessions", snapshots=data / "snapshots", key=b"k")
    await kernels.start((Level(sys.argv[2]),))
    kernel = await kernels.launch("s", kernels.sessions / "s")
    cell = Cell()
    code = "import subprocess; p = subprocess.Popen(['sleep', '1000'], start_new_session=True); print('up'); p.wait()"
    running = asyncio.create_task(run(kernel, code, seconds=1000, cell=cell))
    await cell.spoke.wait()
    print(kernels.runtime, flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""


@pytest.mark.parametrize(("victim", "level"), [("service", "full"), ("warden", "full"), ("service", "off")])
async def test_nothing_outlives_a_sudden_death(victim: str, level: str, tmp_path: Path) -> None:
    service = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _SERVICE, str(tmp_path), level),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert service.stdout is not None
    runtime = Path((await service.stdout.readline()).decode().strip())
    family = psutil.Process(service.pid).children(recursive=True)
    assert len(family) >= 4
    assert {p.name() for p in family} >= {"sleep"}
    assert await asyncio.to_thread(runtime.exists)
    os.kill(service.pid if victim == "service" else family[0].pid, signal.SIGKILL)
    await all_end(family)
    if victim == "service":
        assert not await asyncio.to_thread(runtime.exists)
    else:
        service.kill()
    await service.communicate()


async def test_closing_twice_and_closing_the_dead_is_harmless(kernels: JailedKernels) -> None:
    kernel = await kernels.launch("twice", kernels.sessions / "twice")
    os.kill(kernel.pid, signal.SIGKILL)
    await kernel.wait_for_exit()
    await kernel.aclose()
    await kernel.aclose()


async def test_a_launch_that_is_cancelled_leaves_nothing(kernels: JailedKernels) -> None:
    before = set(psutil.Process().children(recursive=True))
    for pause in (0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03):
        launching = asyncio.create_task(kernels.launch("cancelled", kernels.sessions / "cancelled"))
        await asyncio.sleep(pause)
        if launching.cancel():
            with pytest.raises(asyncio.CancelledError):
                await launching
        else:  # it was ready sooner
            await launching.result().aclose()
    kernel = await kernels.launch("cancelled", kernels.sessions / "cancelled")
    await kernel.aclose()
    await all_end(set(psutil.Process().children(recursive=True)) - before)


async def test_regression_a_launch_cancelled_while_its_sockets_were_bound_left_them_open(
    kernels: JailedKernels,
) -> None:
    await _cycles(kernels, 1)
    await _fill_pool()
    own, files = psutil.Process(), set(kernels.runtime.iterdir())
    before = own.num_fds()
    for _ in range(40):
        launching = asyncio.create_task(kernels.launch("bound", kernels.sessions / "bound"))
        while set(kernels.runtime.iterdir()) == files:  # noqa: ASYNC110 (no event tells of a file)
            await asyncio.sleep(0)
        launching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await launching
        await _fill_pool()  # every thread is done
        assert set(kernels.runtime.iterdir()) == files
    gc.collect()
    assert own.num_fds() <= before


async def test_kernels_can_be_closed_with_kernels_alive(tmp_path: Path) -> None:
    small = SMALL.model_copy(update={"python_code_preload_libraries": ()})
    kernels = JailedKernels(small, sessions=tmp_path / "sessions", snapshots=tmp_path / "snapshots", key=b"k")
    await kernels.start()
    before = psutil.Process(kernels.fork_server_pid).children(recursive=True)
    kernel = await kernels.launch("s", kernels.sessions / "s")
    await kernels.aclose()
    assert not kernel.alive
    assert all(ended(process) for process in before)
