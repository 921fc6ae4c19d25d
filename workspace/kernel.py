"""One session's Python: runs cells in a sandboxed kernel, started on first use, that keeps its variables.

The interface is narrow on purpose: `run`, `variables`, `close`. Creating and confining kernels is up to
`workspace.jail`.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

from workspace.cell import Cell
from workspace.errors import KernelStartError
from workspace.folder import changed_files, list_files
from workspace.gone_variables import GoneVariables
from workspace.jail.handle import JailedKernel, KernelGone, SnapshotFailed
from workspace.jail.kernels import JailedKernels
from workspace.jail.variables import Variable
from workspace.jail.vault import SnapshotDamaged
from workspace.jail.zygote_client import ZygoteDied
from workspace.output import CellResult
from workspace.settings import WorkspaceSettings

log = logging.getLogger(__name__)

INTERRUPT_GRACE = 1.5
"""Seconds between interrupting a cell and killing its kernel."""
SAVING_GRACE = 2.0
"""Seconds that a cell waits for the previous snapshot; small variables take about 20 ms."""
LISTING_GRACE = 2.0
START_TRIES = 3
GONE = "{type}; it belongs to an earlier point of the conversation: load or compute it again"

OnOutput = Callable[[str], None]


class Room(Protocol):
    """Admits kernels before their processes are started."""

    async def admit(self, kernel: "Kernel") -> None:
        """Returns when the kernel may start."""

    def settle(self, kernel: "Kernel") -> None:
        """The kernel is running, or could not be started."""


class Kernel:
    """Runs one cell at a time. Starts its process on first use, and again after it has ended for any reason."""

    def __init__(
        self, session_id: str, folder: Path, jail: JailedKernels, settings: WorkspaceSettings, room: Room
    ) -> None:
        self._session_id = session_id
        self._folder = folder
        self._jail = jail
        self._settings = settings
        self._room = room
        self._gone = GoneVariables(jail.snapshots / session_id)
        self._lock = asyncio.Lock()
        self._process: JailedKernel | None = None
        self._saving: asyncio.Task[None] | None = None
        self._unsaved = False
        self.used_at = time.monotonic()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.alive

    @property
    def busy(self) -> bool:
        return self._lock.locked()

    @property
    def saving(self) -> bool:
        return self._saving is not None and not self._saving.done()

    async def run(self, code: str, *, timeout: float | None = None, on_output: OnOutput | None = None) -> CellResult:
        """Run `code` as one cell, for at most `timeout` seconds (default: the setting).

        If the caller is cancelled, the cell is interrupted first. Raises `KernelStartError`.
        """
        async with self._lock:
            began = time.monotonic()
            before = await asyncio.to_thread(list_files, self._folder)
            if self._saving is not None:
                # A program that ends its own kernel would also destroy a snapshot that is not written yet.
                await asyncio.wait({self._saving}, timeout=SAVING_GRACE)
            restarted = self._why_restarted()
            lost: dict[str, str] = {}
            for _ in range(START_TRIES):
                process, lost_now = await self._ready()
                lost |= lost_now
                cell = Cell(process, code, self._settings.max_output_chars, on_output)
                status = await self._run_to_end(process, cell, timeout or self._settings.python_code_timeout)
                if status != "died" or cell.began:
                    break
                # It had died unnoticed before the cell reached it: nothing of the cell has run.
            shown = await asyncio.to_thread(cell.save_displays, self._folder)
            after = await asyncio.to_thread(list_files, self._folder)
            why_died = process.why_it_died
            await self._tidy(process)
            self.used_at = time.monotonic()
            return cell.result(
                status,
                new_files=sorted({*changed_files(before, after), *shown}),
                lost=lost,
                restarted=restarted,
                why_died=why_died,
                seconds=time.monotonic() - began,
            )

    def _why_restarted(self) -> str:
        return self._process.why_it_died if self._process is not None and not self._process.alive else ""

    async def variables(self) -> list[Variable]:
        """The variables defined by the session's cells.

        From the kernel or, if it is not running or busy, from its last snapshot.
        """
        try:
            async with asyncio.timeout(LISTING_GRACE), self._lock:
                if self._process is not None and self._process.alive:
                    return list((await self._process.variables()).variables)
        except (TimeoutError, SnapshotFailed, KernelGone) as error:
            log.info("session %s: using the variables of its last snapshot: %s", self._session_id, error)
        try:
            report = await self._jail.variables_of(self._session_id)
        except SnapshotDamaged as error:
            log.warning("session %s: the variables cannot be listed: %s", self._session_id, error)
            return []
        return list(report.variables) if report is not None else []

    async def gone_variables(self, there: Iterable[Variable]) -> list[Variable]:
        """Variables from before the fork that the session began with, except those that are `there` again."""
        names = {variable.name for variable in there}
        return [variable for variable in await asyncio.to_thread(self._gone.read) if variable.name not in names]

    async def close(self) -> None:
        """Wait for a running snapshot, then end the process; its variables are restored at the next cell.

        A snapshot that takes longer than the setting `closing_seconds` is abandoned, and the previous one is kept.
        """
        async with self._lock:
            if self._saving is not None:
                await asyncio.wait({self._saving}, timeout=self._settings.closing_seconds)
            await self._end()

    async def discard(self) -> None:
        """End the process and delete its variables."""
        async with self._lock:
            await self._end()
            await self._jail.forget(self._session_id)

    # one cell

    async def _run_to_end(
        self, process: JailedKernel, cell: Cell, timeout: float
    ) -> Literal["ok", "error", "timeout", "died"]:
        process.rests = False
        running = asyncio.create_task(cell.execute())
        dying = asyncio.create_task(process.wait_for_exit())
        try:
            done, _ = await asyncio.wait({running, dying}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if running in done:
                return running.result()
            if dying in done:
                return "died"
            await self._interrupt(process, running)
            return "timeout"
        except KernelGone:
            return "died"
        except asyncio.CancelledError:
            await self._interrupt(process, running)
            raise
        finally:
            for task in (running, dying):
                task.cancel()
            await asyncio.gather(running, dying, return_exceptions=True)
            process.rests = True

    async def _interrupt(self, process: JailedKernel, running: "asyncio.Task[Any]") -> None:
        """SIGINT, a grace period, then SIGKILL."""
        with contextlib.suppress(OSError, RuntimeError):
            await process.interrupt()
        done, _ = await asyncio.wait({running}, timeout=INTERRUPT_GRACE)
        if not done:
            log.info("session %s: a cell did not stop when interrupted; its kernel is killed", self._session_id)
            process.kill("it did not stop when it was interrupted")

    async def _tidy(self, process: JailedKernel) -> None:
        """After a cell: release a dead process, or save the variables of a living one."""
        if process.alive:
            self._save_soon()
        else:
            await self._end()

    # snapshots

    def _save_soon(self) -> None:
        self._unsaved = True
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save())

    async def _save(self) -> None:
        """Save until everything is saved; a failure keeps the previous snapshot."""
        while self._unsaved and self._process is not None:
            self._unsaved = False
            try:
                await self._process.snapshot()
            except (SnapshotFailed, KernelGone) as error:
                log.info("session %s: %s", self._session_id, error)
                return

    # the process

    async def _ready(self) -> tuple[JailedKernel, dict[str, str]]:
        """A living process, and what its start could not restore: name → reason."""
        if self._process is not None and self._process.alive:
            return self._process, {}
        await self._end()
        await self._room.admit(self)
        try:
            process = self._process = await self._jail.launch(self._session_id, self._folder)
        except (KernelGone, ZygoteDied, TimeoutError, OSError, ValueError) as error:
            raise KernelStartError(f"Python could not be started: {error or 'it took too long'}") from error
        finally:
            self._room.settle(self)
        if process.damage:
            return process, {"all variables": process.damage}
        if process.restored is not None:
            return process, process.restored.lost
        gone = await asyncio.to_thread(self._gone.read)  # nothing has run in this session yet
        return process, {variable.name: GONE.format(type=variable.type) for variable in gone}

    async def _end(self) -> None:
        process, self._process = self._process, None
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.gather(self._saving, return_exceptions=True)
            self._saving = None
        if process is not None:
            await process.aclose()
