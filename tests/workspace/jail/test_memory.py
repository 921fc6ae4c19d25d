"""What the memory of the fork server and of a kernel contains: nothing of (other) sessions."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from workspace.jail.handle import JailedKernel
from workspace.jail.kernels import JailedKernels

from .driver import run

PIECE = 16 << 20
OVERLAP = 256
NAMES = ("first-session-6fb0d1", "second-session-93ac7e", "third-session-b8120f")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root reads other processes' memory")


def readable(process: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{process}/maps").read_text(encoding="ascii", errors="replace").splitlines():
        (
            area,
            rights,
            *_,
        ) = line.split()
        if rights.startswith("r") and not line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
            start, end = (int(number, 16) for number in area.split("-"))
            yield start, end


def found(process: int, needles: list[bytes]) -> set[bytes]:
    """Those of the needles that the memory of a process has."""
    has: set[bytes] = set()
    memory = os.open(f"/proc/{process}/mem", os.O_RDONLY)
    try:
        for start, end in readable(process):
            for at in range(start, end, PIECE):
                try:
                    piece = os.pread(memory, min(PIECE + OVERLAP, end - at), at)
                except OSError:  # a hole in a mapped file
                    continue
                has |= {needle for needle in needles if needle in piece}
    finally:
        os.close(memory)
    return has


async def identity(kernel: JailedKernel) -> list[bytes]:
    """The session's name, its key, and the names that its kernel has for itself."""
    code = "k = get_ipython().kernel; print(k.session.session, k.ident.decode())"
    words = (await run(kernel, code)).text.split()
    return [kernel.session.encode(), kernel._endpoints.key, *(word.encode() for word in words)]


async def test_no_memory_has_what_belongs_to_another_session(kernels: JailedKernels) -> None:
    """Regression: the fork server's heap had a key and an ID, which every later kernel could read."""
    alive = [await kernels.launch(name, kernels.sessions / name) for name in NAMES[:2]]
    own = [await identity(kernel) for kernel in alive]
    await run(alive[0], "secret = 'swordfish' * 3")
    await alive[0].snapshot()
    os.kill(alive[1].pid, signal.SIGKILL)  # its end passes through the fork server, too
    await alive[1].wait_for_exit()
    newest = await kernels.launch(NAMES[2], kernels.sessions / NAMES[2])
    mine = await identity(newest)
    assert len({*own[0], *own[1], *mine}) == len([*own[0], *own[1], *mine]), "two kernels share an ID"
    theirs = [*own[0], *own[1], b"swordfish" * 3]
    assert found(newest.pid, mine) == set(mine)
    assert found(newest.pid, theirs) == set()
    warden = psutil.Process(kernels.fork_server_pid)
    for process in (warden, *warden.children()):
        assert found(process.pid, [*theirs, *mine]) == set(), process
    for kernel in (*alive, newest):
        await kernel.aclose()
