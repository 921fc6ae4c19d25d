"""A running kernel, as used by the rest of the service."""

import asyncio
import json
import socket
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

from jupyter_client.manager import AsyncKernelManager

from . import frames, transfer
from .settings import JailSettings
from .variables import Report
from .vault import Vault
from .zygote_client import KernelProcess

_T = TypeVar("_T")


class KernelGone(RuntimeError):  # noqa: N818
    """The kernel has ended; `JailedKernel.why_it_died` may have the reason."""


class SnapshotFailed(RuntimeError):  # noqa: N818
    """The variables were not saved, listed or restored; the previous snapshot is kept."""


class JailedKernel:
    """A standard jupyter_client manager and one connected client, extended for sandboxed kernels.

    Only one client may be connected at a time: a manager's clients share an identity and would receive each other's
    replies. The client's methods are those of AsyncKernelClient; send nothing else on its channels while a cell runs.
    """

    def __init__(
        self,
        session: str,
        folder: Path,
        manager: AsyncKernelManager,
        process: KernelProcess,
        requests: socket.socket,
        vault: Vault,
        settings: JailSettings,
        executor: Executor,
    ) -> None:
        self.session = session
        self.folder = folder
        """The session's folder as the server sees it, which is the kernel's working folder."""

        self.manager = manager
        self.client = manager.client(session=manager.session)
        self.why_it_died = ""
        """Set if the watchdog killed it: a sentence for the model and the user."""

        self.restored: Report | None = None
        """What the snapshot restored at the start; None if there was none."""

        self.damage = ""
        """Why an existing snapshot was not restored."""

        self.rests = False
        """Whether it is known that no cell is running; set by whoever runs cells."""

        self._process = process
        self._requests = requests
        self._vault = vault
        self.settings = settings
        self._executor = executor
        self._one_operation = asyncio.Lock()
        self._last: Report | None = None

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return not self._process.exited.done()

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do: no cell is running, no variables are saved."""
        return self.rests and not self._one_operation.locked()

    @property
    def pid(self) -> int:
        """Its process ID in the server's namespace."""
        return self._process.pid

    async def wait_for_exit(self) -> int:
        """Wait until it ends; returns the exit status, negative for a signal."""
        return await asyncio.shield(self._process.exited)

    def kill(self, why: str = "") -> None:
        """Kill it and all its descendants now; `aclose` must still be called."""
        self.why_it_died = self.why_it_died or why
        self._process.send_signal(9)

    async def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the running cell; has no effect between cells."""
        await self.manager.interrupt_kernel()

    async def connect(self) -> None:
        """Connect the client and wait until the kernel answers on both channels. Raises KernelGone, TimeoutError."""
        self.client.start_channels(stdin=False, hb=False)
        async with asyncio.timeout(self.settings.start_seconds):
            hearing = asyncio.create_task(self._hear())
            ending = asyncio.create_task(self._end())
            try:
                await asyncio.wait({hearing, ending}, return_when=asyncio.FIRST_COMPLETED)
                await (hearing if hearing.done() else ending)
            finally:
                hearing.cancel()
                ending.cancel()
                await asyncio.gather(hearing, ending, return_exceptions=True)

    async def reconnect(self) -> None:
        """Connect a new client after the kernel flooded or confused the old one. Errors as for `connect`."""
        self.client.stop_channels()
        self.client = self.manager.client(session=self.manager.session)
        await self.connect()

    async def _end(self) -> None:
        raise KernelGone(f"the kernel ended during its start with status {await self.wait_for_exit()}")

    async def _hear(self) -> None:
        request = self.client.kernel_info()
        while True:
            reply = await self.client.get_shell_msg()
            if reply["parent_header"].get("msg_id") == request:
                break
        # Any message will do: it proves that the subscription works, so no later output can be missed.
        await self.client.get_iopub_msg()

    async def snapshot(self) -> Report:
        """Save what changed, in a forked copy of the kernel in the background; the kernel pauses about 10 ms.

        Waits for a running cell to end. Call it after the cell's reply, because a cell that is still on its way may
        arrive later. Raises SnapshotFailed, KernelGone.
        """
        limits = {
            "variable_limit": int(self.settings.snapshot_size * self.settings.snapshot_share),
            "total_limit": self.settings.snapshot_size,
            "seconds": self.settings.snapshot_seconds,
        }
        limit = self.settings.snapshot_size

        def receive(stream: socket.socket) -> Report:
            return transfer.receive_snapshot(stream, self._vault, limit)

        self._last = await self._operate({"operation": "save", **limits}, receive)
        return self._last

    async def restore(self) -> Report | None:
        """Restore the variables of the last snapshot; None if there is none.

        Raises SnapshotFailed, KernelGone, and SnapshotDamaged if the snapshot was altered.
        """
        kept = await self._in_thread(self._vault.load)
        if kept is None:
            return None
        snapshot = kept

        def serve(stream: socket.socket) -> Report:
            return transfer.serve_restore(stream, self._vault, snapshot)

        self._last = await self._operate({"operation": "restore"}, serve)
        return self._last

    async def variables(self) -> Report:
        """The session's current variables; `kept` is as of the last snapshot. Errors as for `snapshot`."""

        def receive(stream: socket.socket) -> Report:
            return Report.from_json(frames.receive(stream, frames.TEXT_LIMIT)[1])

        return (await self._operate({"operation": "list"}, receive)).with_fates_of(self._last)

    async def _operate(self, request: dict[str, Any], serve: Callable[[socket.socket], Report]) -> Report:
        async with self._one_operation:
            if not self.alive:
                raise KernelGone(self.why_it_died or "the kernel has ended")
            ours, theirs = socket.socketpair()
            with ours, theirs:
                ours.settimeout(self.settings.snapshot_seconds)
                try:
                    socket.send_fds(self._requests, [json.dumps(request).encode()], [theirs.fileno()])
                    theirs.close()
                    return await self._within_time(ours, serve)
                except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
                    if not self.alive:
                        raise KernelGone(self.why_it_died or "the kernel has ended") from error
                    raise SnapshotFailed(f"{request['operation']} of the variables failed: {error}") from error

    async def _within_time(self, stream: socket.socket, serve: Callable[[socket.socket], Report]) -> Report:
        work = asyncio.get_running_loop().run_in_executor(self._executor, serve, stream)
        try:
            async with asyncio.timeout(self.settings.snapshot_seconds):
                return await asyncio.shield(work)
        finally:
            if not work.done():
                # The thread then fails at its next byte; it must end before the socket is closed.
                stream.shutdown(socket.SHUT_RDWR)
                await asyncio.wait({work})
                work.exception()  # retrieved, or asyncio would log an unhandled exception

    async def _in_thread(self, function: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)

    async def aclose(self) -> None:
        """End the kernel, wait for its end, release everything. Also required for a kernel that has died."""
        self._requests.close()
        self.client.stop_channels()
        if self.alive:
            self._process.send_signal(9)
            await asyncio.shield(self._process.exited)
        await self.manager.shutdown_kernel(now=True)
