"""Sandboxed kernels compared with stock ipykernel: `python -m benchmarks.kernels [--runs 30]` prints a table.

Both are driven by the same jupyter_client calls. "Ready" is the time from requesting a kernel to the reply of a cell
that imports numpy, pandas and matplotlib.pyplot.
"""

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from jupyter_client.manager import AsyncKernelManager

from workspace.jail.handle import JailedKernel
from workspace.jail.kernels import JailedKernels
from workspace.jail.memory import proportional_memory
from workspace.jail.settings import JailSettings
from workspace.jail.watchdog import Watch
from workspace.jail.wire import WORK

IMPORTS = "import numpy, pandas, matplotlib.pyplot"
SECONDS = 60
ALIVE = 30
AT_ONCE = 10
DESCRIPTORS = {
    "a quiet kernel": "import os",
    "one with 1,000 open descriptors": "kept = [os.dup(0) for _ in range(900)]",
}


class Kernel(Protocol):
    """The methods that the benchmark needs from either kind."""

    @property
    def pid(self) -> int:
        """Process id."""

    async def run(self, code: str) -> str:
        """The status of a cell's reply."""

    async def aclose(self) -> None:
        """End it."""


Start = Callable[[], Awaitable[Kernel]]


class StockKernel:
    """ipykernel as started by jupyter_client, on ipc sockets, in a new interpreter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._manager = AsyncKernelManager(transport="ipc", connection_file=str(folder / "kernel.json"))
        self.client: Any = None

    async def start(self) -> "StockKernel":
        """Start the process and connect."""
        await self._manager.start_kernel(cwd=str(self._folder))
        self.client = self._manager.client(session=self._manager.session)
        self.client.start_channels(stdin=False, hb=False)
        return self

    @property
    def pid(self) -> int:
        """Process id."""
        provisioner: Any = self._manager.provisioner
        return int(provisioner.process.pid)

    async def run(self, code: str) -> str:
        """Wait for the reply."""
        request = self.client.execute(code)
        while True:
            message = await self.client.get_shell_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") == request:
                return str(message["content"]["status"])

    async def aclose(self) -> None:
        """End it."""
        self.client.stop_channels()
        await self._manager.shutdown_kernel(now=True)


class OurKernel:
    """A sandboxed kernel."""

    def __init__(self, kernel: JailedKernel) -> None:
        self._kernel = kernel
        self.pid = kernel.pid
        self.aclose = kernel.aclose

    async def run(self, code: str) -> str:
        """Run it to the end of its output."""
        return (await self._kernel.execute(code, lambda _: None)).status


async def reply(kernel: Kernel, code: str) -> None:
    """Run a cell and wait for its reply."""
    if (status := await kernel.run(code)) != "ok":
        raise RuntimeError(status)


async def ready(start: Start) -> tuple[Kernel, float]:
    """A kernel with its libraries, and the milliseconds that it took."""
    begun = time.perf_counter()
    kernel = await start()
    await reply(kernel, IMPORTS)
    return kernel, (time.perf_counter() - begun) * 1000


async def measure(start: Start, runs: int) -> dict[str, list[float]]:
    """All figures of one kind of kernel."""
    figures: dict[str, list[float]] = {"ready": [], "cell": []}
    for _ in range(runs):
        kernel, took = await ready(start)
        figures["ready"].append(took)
        await kernel.aclose()
    kernel, _ = await ready(start)
    for _ in range(20 * runs):
        begun = time.perf_counter()
        await reply(kernel, "1 + 1")
        figures["cell"].append((time.perf_counter() - begun) * 1000)
    await kernel.aclose()
    begun = time.perf_counter()
    together = await asyncio.gather(*(ready(start) for _ in range(AT_ONCE)))
    figures["ten at once"] = [(time.perf_counter() - begun) * 1000]
    alive = [kernel for kernel, _ in together]
    while len(alive) < min(ALIVE, runs):
        alive.append((await ready(start))[0])
    figures["memory"] = [proportional_memory(kernel.pid) / (1 << 20) for kernel in alive]
    for kernel in alive:
        await kernel.aclose()
    return figures


@asynccontextmanager
async def jailed(folder: Path) -> AsyncIterator[tuple[Start, JailedKernels]]:
    """Starts sandboxed kernels, each in its own session."""
    kernels = JailedKernels(
        JailSettings(), sessions=folder / "sessions", snapshots=folder / "snapshots", key=b"benchmark"
    )
    await kernels.start()
    numbers = iter(range(1_000_000))

    async def start() -> OurKernel:
        session = f"s{next(numbers)}"
        return OurKernel(await kernels.launch(session, kernels.sessions / session))

    try:
        yield start, kernels
    finally:
        await kernels.aclose()


async def watchdog_cost(kernels: JailedKernels, runs: int) -> dict[str, list[float]]:
    """Milliseconds of one look at a kernel, by what the kernel has open."""
    kernel = await kernels.launch("watched", kernels.sessions / "watched")
    watch = Watch(kernel.pid, kernel.folder, JailSettings(), WORK if kernels.sandbox.level.has_namespaces else "")
    figures: dict[str, list[float]] = {}
    for state, code in DESCRIPTORS.items():
        await kernel.execute(code, lambda _: None)
        figures[state] = [await asyncio.to_thread(_look, watch) for _ in range(10 * runs)]
    await kernel.aclose()
    return figures


def _look(watch: Watch) -> float:
    watch.renew()
    begun = time.perf_counter()
    if reason := watch.verdict(idle=False):
        raise RuntimeError(reason)
    return (time.perf_counter() - begun) * 1000


def row(name: str, unit: str, stock: list[float], ours: list[float]) -> str:
    """One line: medians, 90th percentiles, and how they compare."""
    middle = statistics.median(stock), statistics.median(ours)
    high = sorted(stock)[int(len(stock) * 0.9)], sorted(ours)[int(len(ours) * 0.9)]
    cells = [f"{m:.1f} (p90 {h:.1f}) {unit}" for m, h in zip(middle, high, strict=True)]
    return f"| {name} | {cells[0]} | {cells[1]} | {middle[0] / middle[1]:.1f} |"


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        numbers = iter(range(1_000_000))

        async def start_stock() -> StockKernel:
            own = folder / f"k{next(numbers)}"
            own.mkdir()
            return await StockKernel(own).start()

        async with jailed(folder) as (start, kernels):
            ours = await measure(start, runs)
            level = kernels.sandbox.level
            looks = await watchdog_cost(kernels, runs)
        stock = await measure(start_stock, runs)
    machine = f"{platform.system()} {platform.release()}, {os.cpu_count()} processors"
    print(f"{machine}, level `{level}`, {runs} runs\n")
    print("| | stock, cold | jailed, forked | stock : ours |")
    print("|---|---|---|---|")
    print(row("ready with numpy, pandas, matplotlib", "ms", stock["ready"], ours["ready"]))
    print(row("round trip of a trivial cell", "ms", stock["cell"], ours["cell"]))
    print(row(f"{AT_ONCE} at once, all ready", "ms", stock["ten at once"], ours["ten at once"]))
    print(row(f"memory (PSS) of each of {min(ALIVE, runs)}", "MB", stock["memory"], ours["memory"]))
    print("\n| the watchdog looks at | |")
    print("|---|---|")
    for state, took in looks.items():
        print(f"| {state} | {statistics.median(took):.1f} (p90 {sorted(took)[int(len(took) * 0.9)]:.1f}) ms |")


if __name__ == "__main__":
    asyncio.run(main())
