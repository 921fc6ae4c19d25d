"""A running kernel, as used by the rest of the service."""

import asyncio
import json
import logging
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from workspace.settings import MIB
from workspace.threads import in_own_thread

from . import frames, transfer
from .cgroups import Group
from .channels.endpoints import Endpoints
from .channels.exchange import Exchange, ExchangeLimits, Take
from .channels.messages import Content, Reply
from .channels.zmtp import ProtocolError
from .settings import JailSettings
from .variables import Report
from .vault import Vault
from .walls import scratch
from .zygote_client import KernelProcess

logger = logging.getLogger(__name__)

_DYING_SECONDS = 1.0
"""Between a kernel's last message and its exit status."""
_OUTPUT_SHARE = 2
"""A kernel that prints this many times what it may print has changed its own code."""


class KernelGone(RuntimeError):  # noqa: N818
    """The kernel has ended; `JailedKernel.why_it_died` may have the reason."""


class SnapshotFailed(RuntimeError):  # noqa: N818
    """The variables were not saved, listed or restored; the previous snapshot is kept."""


class JailedKernel:
    """Runs cells, one at a time, and saves and restores the session's variables between them."""

    def __init__(
        self,
        session: str,
        folder: Path,
        endpoints: Endpoints,
        process: KernelProcess,
        requests: socket.socket,
        vault: Vault,
        settings: JailSettings,
        group: Group | None = None,
    ) -> None:
        self.session = session
        self.folder = folder
        """The session's folder as the server sees it, which is the kernel's working folder."""

        self.has_scratch = False
        """Whether the session's folder has its folder for temporary files, which ends with it."""

        self._why_killed = ""
        self.restored: Report | None = None
        """What the snapshot restored at the start; None if there was none."""

        self.damage = ""
        """Why an existing snapshot was not restored."""

        self.rests = False
        """Whether it is known that no cell is running; set by whoever runs cells."""

        self._endpoints = endpoints
        self._limits = ExchangeLimits(
            settings.message_mb * MIB, _OUTPUT_SHARE * settings.kernel_output_kb * 1024, settings.start_seconds
        )
        self._process = process
        self._group = group or Group()
        self._requests = requests
        self._vault = vault
        self.settings = settings
        self._one_operation = asyncio.Lock()
        self.watching: asyncio.Task[None] | None = None
        """What measures its resources; it ends with the kernel."""
        self.operations = 0
        """Cells and other operations so far; what runs between two looks at the kernel is not idleness."""
        self._last: Report | None = None

    @property
    def why_it_died(self) -> str:
        """Set if it was killed for what it used: a sentence for the model and the user."""
        if not self._why_killed and not self.alive:
            self._why_killed = self.excess()
        return self._why_killed

    def excess(self) -> str:
        """Which limit of its control group was reached, or an empty string."""
        allowed = self.settings.memory >> 20
        return f"memory: all was in use, {allowed} MB allowed" if self._group.limit_was_reached() else ""

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
        self._why_killed = self._why_killed or why
        self._process.send_signal(signal.SIGKILL)

    async def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the running cell; has no effect between cells."""
        self._process.send_signal(signal.SIGINT)

    async def connect(self) -> None:
        """Wait until the kernel answers. Raises KernelGone, TimeoutError."""
        joining = asyncio.create_task(asyncio.to_thread(self._group.add, self.pid))
        try:
            async with asyncio.timeout(self.settings.start_seconds):
                await self._request("kernel_info_request", {}, _ignore)
        finally:
            await asyncio.wait({joining})
            if (error := joining.exception()) is not None:
                logger.warning("session %s: the kernel runs outside of its control group: %s", self.session, error)

    async def execute(self, code: str, take: Take) -> Reply:
        """Run a cell to its end; `take` is called with its output, in another thread.

        A kernel that breaks the protocol is killed. Raises KernelGone.
        """
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        return await self._request("execute_request", content, take)

    async def _request(self, kind: str, content: dict[str, Any], take: Take) -> Reply:
        self.operations += 1
        stop, stopper = socket.socketpair()

        def exchange() -> Reply:
            with stop:
                return Exchange(self._endpoints, self._limits, stop).run(kind, content, take)

        work = in_own_thread(exchange)
        try:
            return await asyncio.shield(work)
        except (ProtocolError, EOFError, OSError) as error:
            await self._end_after(error)
            raise KernelGone(self.why_it_died or "the kernel has ended") from error
        finally:
            stopper.close()
            await asyncio.wait({work})
            if not work.cancelled():
                work.exception()  # retrieved, or asyncio would log an unhandled exception

    async def _end_after(self, error: Exception) -> None:
        """The kernel may be dying, or it has broken the protocol."""
        if not isinstance(error, ProtocolError):
            await asyncio.wait({self._process.exited}, timeout=_DYING_SECONDS)
        if self.alive:
            logger.warning("session %s: kernel killed: %s", self.session, error)
            self.kill(f"it broke the protocol: {error}")
        await asyncio.wait({self._process.exited}, timeout=_DYING_SECONDS)

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
        kept = await in_own_thread(self._vault.load)
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
            self.operations += 1
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
        work = in_own_thread(partial(serve, stream))
        try:
            async with asyncio.timeout(self.settings.snapshot_seconds):
                return await asyncio.shield(work)
        finally:
            if not work.done():
                # The thread then fails at its next byte; it must end before the socket is closed.
                stream.shutdown(socket.SHUT_RDWR)
                await asyncio.wait({work})
                work.exception()  # retrieved, or asyncio would log an unhandled exception

    async def aclose(self) -> None:
        """End the kernel, wait for its end, release everything. Also required for a kernel that has died."""
        self._requests.close()
        if self.alive:
            self._process.send_signal(signal.SIGKILL)
            await asyncio.shield(self._process.exited)
        if self.watching is not None:
            self.watching.cancel()
            await asyncio.gather(self.watching, return_exceptions=True)
        self._process.close()
        self._why_killed = self.why_it_died
        await asyncio.to_thread(self._remove)

    def _remove(self) -> None:
        self._endpoints.remove()
        self._group.remove()
        if self.has_scratch:
            scratch.remove(self.folder)


def _ignore(_content: Content) -> None:
    """Nothing of a kernel's start is shown."""
