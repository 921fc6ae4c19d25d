"""Control groups: a kernel's own, its limits, its removal. What this machine does not allow is skipped."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from workspace.jail import cgroups
from workspace.jail.kernels import JailedKernels
from workspace.jail.wire import Limits

from . import hoards
from .conftest import SMALL
from .driver import run

LIMITS = Limits(memory=1 << 28, processes=20, cpu_seconds=1, file_size=1, open_files=1)


@pytest.fixture
async def unwatched(tmp_path: Path) -> AsyncIterator[JailedKernels]:
    """Kernels that the watchdog leaves alone."""
    small = {"python_code_preload_libraries": (), "watch_seconds": 1000, "kernel_memory_mb": 256}
    await asyncio.to_thread(tmp_path.chmod, 0o755)
    made = JailedKernels(
        SMALL.model_copy(update=small), sessions=tmp_path / "sessions", snapshots=tmp_path / "snapshots", key=b"k"
    )
    await made.start()
    yield made
    await made.aclose()


def folders(pid: int) -> list[Path]:
    """The control groups of a process that were made for a kernel."""
    names = {line.rpartition("/")[2] for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()}
    own = {name for name in names if name.startswith("llm-api-kernel-")}
    return [path for name in own for path in Path("/sys/fs/cgroup").rglob(name)]


def skip_without(kernels: JailedKernels, controller: str) -> None:
    mechanism = kernels.sandbox.mechanisms[-1]
    if not mechanism.startswith("control groups") or controller not in mechanism:
        pytest.skip(f"no group for {controller}: {kernels.sandbox.missing}")


async def test_a_kernel_has_groups_that_go_with_it(unwatched: JailedKernels) -> None:
    skip_without(unwatched, "pids")
    kernel = await unwatched.launch("s", unwatched.sessions / "s")
    await run(kernel, "import subprocess; child = subprocess.Popen(['sleep', '100'])")
    found = await asyncio.to_thread(folders, kernel.pid)
    assert found
    for folder in found:
        assert str(kernel.pid) in await asyncio.to_thread((folder / "cgroup.procs").read_text)
    await kernel.aclose()
    assert not any(folder.exists() for folder in found)


async def test_the_number_of_processes_is_limited(unwatched: JailedKernels) -> None:
    skip_without(unwatched, "pids")
    kernel = await unwatched.launch("s", unwatched.sessions / "s")
    limits = [folder / "pids.max" for folder in await asyncio.to_thread(folders, kernel.pid)]
    assert [int(path.read_text()) for path in limits if path.exists()] == [SMALL.kernel_processes]
    await kernel.aclose()


HOARDS = {
    "memory of children": """
import os, time
for _ in range(8):
    if os.fork() == 0: x = bytes(range(256)) * (1 << 18)
time.sleep(60)
""",
    "buffers of sockets": hoards.HOARDS["buffers of sockets"][1],
    "locks of files": """
import fcntl, os, time
for number in range(30):
    if os.fork() == 0:
        for name in range(900):
            file = os.open(f'{number}-{name}', os.O_CREAT | os.O_RDWR)
            for start in range(0, 600, 2): fcntl.lockf(file, fcntl.LOCK_EX, 1, start)
        time.sleep(60)
time.sleep(60)
""",
}


@pytest.mark.parametrize("name", HOARDS)
async def test_linux_ends_a_kernel_that_hoards(name: str, unwatched: JailedKernels) -> None:
    skip_without(unwatched, "memory")
    kernel = await unwatched.launch("s", unwatched.sessions / "s")
    ending = asyncio.create_task(run(kernel, HOARDS[name], seconds=100))
    while not ending.done() and not kernel.excess():
        await asyncio.wait({ending}, timeout=0.1)
    if not ending.done():  # version 1 kills one process; the watchdog then does this
        await asyncio.wait({ending}, timeout=2)
        kernel.kill(kernel.excess())
    assert (await ending).died
    assert kernel.why_it_died == "memory: all was in use, 256 MB allowed"
    await kernel.aclose()
    assert kernel.why_it_died == "memory: all was in use, 256 MB allowed"


async def test_empty_groups_of_a_dead_service_are_removed(unwatched: JailedKernels) -> None:
    skip_without(unwatched, "pids")
    alive = cgroups.find().group(LIMITS)
    base = await asyncio.to_thread(lambda: next(Path("/sys/fs/cgroup").rglob(f"llm-api-kernel-{os.getpid()}-*")).parent)
    left = [base / f"llm-api-kernel-{name}" for name in ("1-1-1", "4194304-1-1")]
    try:
        for folder in left:
            folder.mkdir()
        cgroups.find()
        assert not any(folder.exists() for folder in left)
        assert list(base.glob(f"llm-api-kernel-{os.getpid()}-*"))
    finally:
        await asyncio.to_thread(alive.remove)
    assert not list(base.glob(f"llm-api-kernel-{os.getpid()}-*"))


async def test_a_group_with_processes_is_killed_with_them(unwatched: JailedKernels) -> None:
    skip_without(unwatched, "pids")
    group = cgroups.find().group(LIMITS)
    child = await asyncio.create_subprocess_exec("sleep", "100")
    group.add(child.pid)
    assert not group.limit_was_reached()
    if "version 1" in unwatched.sandbox.mechanisms[-1]:  # it has no file that kills
        child.kill()
    await asyncio.to_thread(group.remove)
    assert await child.wait() == -signal.SIGKILL
    await asyncio.to_thread(group.remove)
