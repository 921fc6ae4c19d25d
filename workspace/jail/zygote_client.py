"""The server's side of the fork server: starts it, requests kernels, detects deaths."""

import asyncio
import itertools
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from workspace.owned_folder import OwnedFolder, create_temporary
from workspace.threads import made_in_thread

from .wire import PACKET, ZygoteConfig

logger = logging.getLogger(__name__)

KILLED = -9
_STOP_SECONDS = 3


class ZygoteDied(RuntimeError):  # noqa: N818
    """The fork server ended, and its kernels with it."""


class KernelProcess:
    """A forked kernel as the server sees it."""

    def __init__(self, descriptor: int) -> None:
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Its exit status, negative for a signal."""

        self._descriptor = descriptor
        self.pid = _pid_of(descriptor)
        """Its process ID in the server's own namespace."""

    def send_signal(self, number: int) -> None:
        """Send a signal; has no effect if it has ended. SIGKILL also kills all its descendants."""
        if self._descriptor >= 0:
            try:
                signal.pidfd_send_signal(self._descriptor, number)
            except ProcessLookupError:
                return

    def end(self, status: int) -> None:
        """Record its exit status; only the first call counts."""
        if not self.exited.done():
            self.exited.set_result(status)

    def close(self) -> None:
        """Release the process; later signals have no effect."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _pid_of(descriptor: int) -> int:
    info = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in info if line.startswith("Pid:"))


class Zygote:
    """One fork server. Start it once; when `alive` becomes false, create another."""

    def __init__(self, make_config: Callable[[str], ZygoteConfig], start_seconds: float) -> None:
        self._make_config = make_config
        self._start_seconds = start_seconds
        self._ids = itertools.count(1)
        self.numbers = itertools.count(1)
        """Unique names for the kernels' sockets in `runtime`."""
        self._forks: dict[int, asyncio.Future[KernelProcess]] = {}
        self._kernels: dict[int, KernelProcess] = {}
        self.alive = False

    async def start(self) -> None:
        """Boot it, which takes about a second. Raises ZygoteDied, TimeoutError."""
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        async with AsyncExitStack() as undo:
            self._folder = await made_in_thread(create_temporary, OwnedFolder.remove)
            undo.push_async_callback(asyncio.to_thread, self._folder.remove)
            self.runtime = self._folder.path
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.enter_context(self._control)
            with theirs:
                self._control.setblocking(False)
                self._control.send(self._make_config(str(self.runtime)).to_json())
                self._process = await _spawned(theirs)
            undo.pop_all()
        self.alive = True
        self._log = asyncio.create_task(self._copy_log())
        self._loop.add_reader(self._control, self._on_readable)
        try:
            async with asyncio.timeout(self._start_seconds):
                ready = await self._ready
        except (TimeoutError, ZygoteDied, asyncio.CancelledError):
            await self.aclose()
            raise
        if ready["threads"] != 1:
            logger.warning("a preloaded library started %d threads in the fork server", ready["threads"] - 1)

    async def fork(self, fds: list[int]) -> KernelProcess:
        """A new kernel with five listening sockets in the order of CHANNELS and a state socket. Raises ZygoteDied."""
        if not self.alive:
            raise ZygoteDied("the fork server is not running")
        number = next(self._ids)
        forked: asyncio.Future[KernelProcess] = self._loop.create_future()
        self._forks[number] = forked
        try:
            socket.send_fds(self._control, [json.dumps({"id": number}).encode()], fds)
        except BrokenPipeError:
            self._on_death()
        try:
            # A wait that times out cancels the future, and _on_message then kills the unclaimed kernel. Not `wait_for`:
            # Python 3.11's swallows a cancellation that arrives together with the result.
            async with asyncio.timeout(self._start_seconds):
                return await forked
        except asyncio.CancelledError:
            if forked.done() and not forked.cancelled() and forked.exception() is None:
                kernel = forked.result()  # it arrived, but nobody will use it
                kernel.send_signal(signal.SIGKILL)
                kernel.close()
            raise
        except TimeoutError:
            self._on_death()
            raise ZygoteDied("the fork server does not respond") from None

    async def aclose(self) -> None:
        """End it and every kernel, wait until they are gone, and remove its folder."""
        if self.alive:
            self._on_death()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._log
        # The warden has removed it, unless the warden itself was killed.
        await asyncio.to_thread(self._folder.remove)

    @property
    def pid(self) -> int:
        """Process ID of the outermost process."""
        return self._process.pid

    def _on_readable(self) -> None:
        while self.alive:
            try:
                packet, fds, _, _ = socket.recv_fds(self._control, PACKET, 1)
            except BlockingIOError:
                return
            except ConnectionError:
                packet, fds = b"", []
            if packet:
                self._on_message(json.loads(packet), fds)
            else:
                self._on_death()

    def _on_message(self, message: dict[str, Any], fds: list[int]) -> None:
        match message["event"]:
            case "ready":
                self._ready.set_result(message)
            case "forked":
                kernel = self._kernels[message["id"]] = KernelProcess(fds[0])
                forked = self._forks.pop(message["id"])
                if forked.cancelled():
                    kernel.send_signal(signal.SIGKILL)
                    kernel.close()
                else:
                    forked.set_result(kernel)
            case "exited":
                kernel = self._kernels.pop(message["id"])
                kernel.end(message["status"])

    def _on_death(self) -> None:
        self.alive = False
        self._loop.remove_reader(self._control)
        self._control.close()
        died = ZygoteDied("the fork server ended")
        if not self._ready.done():
            self._ready.set_exception(died)
        for forked in self._forks.values():
            if not forked.done():
                forked.set_exception(died)
        for kernel in self._kernels.values():
            kernel.send_signal(signal.SIGKILL)
            kernel.end(KILLED)
        self._forks.clear()
        self._kernels.clear()

    async def _copy_log(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            logger.warning("fork server: %s", line.decode(errors="replace").rstrip())


async def _spawned(control: socket.socket) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "workspace.jail.zygote",
        str(control.fileno()),
        pass_fds=[control.fileno()],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(),
        cwd="/",
        start_new_session=True,
    )


def clean_environment() -> dict[str, str]:
    """Nothing from the server's environment, because kernels can read the fork server's."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "module://workspace.jail.inside.figures",
        # Each of these keeps a library from starting threads, which a fork would not copy.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMEXPR_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "MALLOC_ARENA_MAX": "2",
    }
