"""One session's Python: an ordinary Jupyter kernel that runs cells in the session's folder.

The seam is narrow on purpose: `Kernel.run`, `variables`, `close`. How the process is started, and what it may
do, is `start_process`'s business alone.
"""

import asyncio
import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from workspace.cell import Cell
from workspace.errors import KernelStartError
from workspace.folder import changed_files, list_files
from workspace.kernel_boot import PRELOAD
from workspace.output import CellResult, Variable
from workspace.settings import WorkspaceSettings

log = logging.getLogger(__name__)

START_TIMEOUT = 60.0
INTERRUPT_GRACE = 2.0
"""Seconds between the interrupt of a cell and the kill of its kernel."""
DESCRIBE = "get_ipython().describe_variables()"

OnOutput = Callable[[str], None]


class BootSpec(KernelSpecManager):
    """The one kernel we know: our own boot module on this interpreter."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "workspace.kernel_boot", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python", language="python", name=kernel_name)


def clean_environment(folder: Path, runtime: Path, preload: tuple[str, ...]) -> dict[str, str]:
    """What a kernel may see: nothing of the service's environment, so no keys and no tokens."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(runtime),
        "IPYTHONDIR": str(runtime / "ipython"),
        "MPLCONFIGDIR": str(runtime / "matplotlib"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        PRELOAD: ",".join(preload),
    }


class Kernel:
    """Runs one cell at a time. Starts its process on first use, and again after it died or had to be killed."""

    def __init__(self, folder: Path, settings: WorkspaceSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._lock = asyncio.Lock()
        self._manager: AsyncKernelManager | None = None
        self._client: AsyncKernelClient | None = None
        self._runtime: Path | None = None
        self._had_variables = False

    @property
    def running(self) -> bool:
        return self._manager is not None

    async def run(self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None) -> CellResult:
        """Run `code` as one cell, at most `timeout` seconds (default: the setting).

        A cancelled caller interrupts the cell before the cancellation goes on. Raises `KernelStartError`.
        """
        async with self._lock:
            began = time.monotonic()
            before = await asyncio.to_thread(list_files, self._folder)
            lost = False
            while True:
                lost |= self._had_variables and not await self._alive()
                client = await self._ready_client()
                cell = Cell(client, code, self._settings.max_output_chars, on_output)
                status = await self._run_to_end(cell, timeout or self._settings.code_timeout)
                if status != "died" or cell.began:
                    break
                # It had died before the cell reached it, unseen as yet: nothing of the cell has run.
            images = await asyncio.to_thread(cell.save_images, self._folder)
            after = await asyncio.to_thread(list_files, self._folder)
            self._had_variables = True
            return cell.result(
                status,
                new_files=sorted({*changed_files(before, after), *images}),
                variables_lost=lost,
                seconds=time.monotonic() - began,
            )

    async def variables(self) -> list[Variable]:
        """What the session's cells have defined; empty when the kernel is not running."""
        async with self._lock:
            if self._client is None:
                return []
            cell = Cell(self._client, "", 0, None, silent=True, expressions={"variables": DESCRIBE})
            if await self._run_to_end(cell, INTERRUPT_GRACE) != "ok":
                return []
            text = cell.expression("variables")
            return [Variable(*row) for row in json.loads(text)] if text else []

    async def close(self) -> None:
        """End the process at once and remove its runtime files."""
        async with self._lock:
            await self._stop()

    # one cell

    async def _run_to_end(self, cell: Cell, timeout: float) -> Literal["ok", "error", "timeout", "died"]:
        running = asyncio.create_task(cell.execute())
        dying = asyncio.create_task(self._wait_for_death())
        try:
            done, _ = await asyncio.wait({running, dying}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if running in done:
                return running.result()
            if dying in done:
                await self._stop()
                return "died"
            await self._interrupt(running)
            return "timeout"
        except asyncio.CancelledError:
            await self._interrupt(running)
            raise
        finally:
            for task in (running, dying):
                task.cancel()
            await asyncio.gather(running, dying, return_exceptions=True)

    async def _interrupt(self, running: "asyncio.Task[Any]") -> None:
        """SIGINT, a moment of grace, then SIGKILL."""
        assert self._manager is not None
        with contextlib.suppress(OSError, RuntimeError):
            await self._manager.interrupt_kernel()
        done, _ = await asyncio.wait({running}, timeout=INTERRUPT_GRACE)
        if not done:
            log.info("a cell did not stop when interrupted; its kernel is killed")
            await self._stop()

    async def _wait_for_death(self) -> None:
        assert self._manager is not None
        provisioner = self._manager.provisioner
        # jupyter_client shares no event for the end of a process, only a poll.
        while provisioner is not None and await provisioner.poll() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    # the process

    async def _ready_client(self) -> AsyncKernelClient:
        if self._client is not None and await self._alive():
            return self._client
        await self._stop()
        await self._start()
        assert self._client is not None
        return self._client

    async def _alive(self) -> bool:
        return self._manager is not None and bool(await self._manager.is_alive())

    async def _start(self) -> None:
        # Unix socket paths end at about 107 bytes, so they cannot lie in the session's folder.
        self._runtime = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="llm-api-kernel-"))
        self._manager = AsyncKernelManager(
            transport="ipc",
            ip=str(self._runtime / "k"),
            connection_file=str(self._runtime / "kernel.json"),
            kernel_spec_manager=BootSpec(),
        )
        try:
            await self._manager.start_kernel(
                cwd=str(self._folder),
                env=clean_environment(self._folder, self._runtime, self._settings.preload),
            )
            self._client = self._manager.client()
            self._client.start_channels(stdin=False, hb=False)
            async with asyncio.timeout(START_TIMEOUT):
                await self._wait_ready(self._client)
        except (TimeoutError, OSError, RuntimeError) as error:
            await self._stop()
            raise KernelStartError(f"Python could not be started: {error or 'it took too long'}") from error
        except asyncio.CancelledError:
            await self._stop()
            raise

    async def _wait_ready(self, client: AsyncKernelClient) -> None:
        """The kernel answers, and its output channel is connected (jupyter_client's own wait adds 200 ms)."""
        dying = asyncio.create_task(self._wait_for_death())
        probing = asyncio.create_task(_probe(client))
        try:
            await asyncio.wait({dying, probing}, return_when=asyncio.FIRST_COMPLETED)
            if not probing.done():
                raise RuntimeError("its process ended at once")
            probing.result()
        finally:
            for task in (dying, probing):
                task.cancel()
            await asyncio.gather(dying, probing, return_exceptions=True)

    async def _stop(self) -> None:
        manager, client, runtime = self._manager, self._client, self._runtime
        self._manager = self._client = self._runtime = None
        if client is not None:
            client.stop_channels()
        if manager is not None and manager.provisioner is not None:
            await manager.shutdown_kernel(now=True)
        if runtime is not None:
            await asyncio.to_thread(shutil.rmtree, runtime, ignore_errors=True)


async def _probe(client: AsyncKernelClient) -> None:
    """Ask until an answer has come and an output message has been heard."""
    heard = asyncio.create_task(client.get_iopub_msg())
    try:
        while not heard.done():
            client.kernel_info()
            await client.get_shell_msg()
            await asyncio.wait({heard}, timeout=0.05)
    finally:
        heard.cancel()
        await asyncio.gather(heard, return_exceptions=True)
