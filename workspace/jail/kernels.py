"""The interface between the service and its sandboxed kernels.

kernels = JailedKernels(settings, sessions=data / "sessions", snapshots=data / "snapshots", key=secret)
sandbox = await kernels.start()                     # probes the machine, boots the fork server
kernel = await kernels.launch("s1", data / "sessions" / "s1")   # ready; variables are restored
await kernel.execute("x = 6 * 7", print)            # prints the output's messages
report = await kernel.snapshot()                    # after a cell; report.lost names what was not saved
await kernel.aclose()
await kernels.aclose()
"""

import asyncio
import logging
import os
import socket
import zlib
from contextlib import closing
from contextvars import Context
from functools import partial
from pathlib import Path

from workspace.settings import MIB
from workspace.threads import in_own_thread, made_in_thread

from . import watchdog
from .cgroups import Group
from .channels.endpoints import Endpoints
from .fork_server import ForkServer
from .handle import JailedKernel, KernelGone, SnapshotFailed
from .handover import hand_over
from .plain import start_plain
from .probe import Sandbox
from .settings import FIRST_UID, OPEN_FILES, UIDS, JailSettings
from .variables import Report
from .vault import SnapshotDamaged, Vault
from .walls import scratch
from .wire import WORK, Level, Limits, Spawn
from .zygote_client import ZygoteDied

logger = logging.getLogger(__name__)


class JailedKernels:
    """Starts sandboxed kernels and monitors their resource use."""

    def __init__(
        self,
        settings: JailSettings,
        *,
        sessions: Path,
        snapshots: Path,
        key: bytes,
        scratch_dir: Path | None = None,
        fork_server: ForkServer | None = None,
    ) -> None:
        """Missing folders are created: `sessions` has every session's folder, `snapshots` their saved variables.

        Incomplete snapshots are written in `scratch_dir`, a folder on the same disk (default: their own).
        `key` signs snapshots; with a different key, older snapshots are refused. A `fork_server` passed in is shared
        and stays open; without one, these kernels have their own. Raises ValueError if it does not match the settings.
        """
        if fork_server is not None and not fork_server.suits(settings):
            raise ValueError("the fork server was made with other walls or libraries")
        self._settings = settings
        self.sessions = sessions
        self.snapshots = snapshots
        self._key = key
        self._scratch_dir = scratch_dir
        self._shares = fork_server is not None
        self._fork_server = fork_server or ForkServer(settings, sessions)
        self._alive: set[JailedKernel] = set()

    async def start(self, levels: tuple[Level, ...] | None = None, *, boot: bool = True) -> Sandbox:
        """Probe the machine (0.1 s) and boot the fork server (about a second; with `boot=False` at its first use).

        `levels` overrides what `settings.sandbox` allows. Raises SandboxUnavailable with a message for the operator.
        """
        await asyncio.to_thread(self._make_folders)
        self.sandbox = await self._fork_server.probe(levels)
        if not self.sandbox.level.has_namespaces:
            await asyncio.to_thread(scratch.sweep, self.sessions)
        if self.sandbox.mechanisms and boot:
            await self.boot()
        return self.sandbox

    async def boot(self) -> None:
        """Start the fork server before the first kernel needs it. Raises ZygoteDied, TimeoutError."""
        if self.sandbox.mechanisms:
            await self._fork_server.running()

    async def launch(self, session: str, folder: Path) -> JailedKernel:
        """A ready kernel with the session's folder and the variables of its last snapshot.

        `folder` must be directly in `sessions`; it is created if missing. If the server runs as root, the session's
        user becomes the owner of its content. If the variables cannot be restored, the kernel starts without them and
        `damage` says why. Raises ValueError for other folders and names, TimeoutError; KernelGone and ZygoteDied after
        a retry, if the fork server died in the meantime.
        """
        vault = self._vault(session)
        if folder.parent.resolve() != self.sessions.resolve():
            raise ValueError(f"{folder} is not in {self.sessions}")
        uid = self.uid_of(session)
        try:
            await asyncio.to_thread(hand_over, folder, uid)
        except OSError as error:
            raise KernelGone(f"the session's folder cannot be used: {error}") from error
        kernel = await self._connected(session, folder, uid, vault)
        try:
            kernel.restored = await kernel.restore()
        except (SnapshotDamaged, SnapshotFailed, KernelGone) as error:
            logger.warning("session %s starts without its variables: %s", session, error)
            # Restoring runs the session's own code, which may have left this kernel stuck or dead.
            await kernel.aclose()
            kernel = await self._connected(session, folder, uid, vault)
            kernel.damage = str(error)
        except BaseException:
            await kernel.aclose()
            raise
        return kernel

    async def variables_of(self, session: str) -> Report | None:
        """The report of the session's last snapshot, for a session without a running kernel; None if there is no
        snapshot.

        Raises SnapshotDamaged, ValueError.
        """
        snapshot = await in_own_thread(self._vault(session).load)
        return snapshot.report if snapshot else None

    async def forget(self, session: str) -> None:
        """Delete the session's snapshot."""
        await asyncio.to_thread(self._vault(session).delete)

    @property
    def runtime(self) -> Path:
        """The folder of the sockets, removed with the fork server. Raises LookupError before its first start."""
        return self._fork_server.zygote.runtime

    @property
    def fork_server_pid(self) -> int:
        """Process ID of the outermost sandbox process. Raises LookupError before its first start."""
        return self._fork_server.zygote.pid

    async def aclose(self) -> None:
        """End everything that was started here; also allowed right after a failed `start`."""
        for kernel in list(self._alive):
            await kernel.aclose()
        if not self._shares:
            await self._fork_server.aclose()

    def _make_folders(self) -> None:
        self.sessions.mkdir(parents=True, exist_ok=True)
        self.snapshots.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _vault(self, session: str) -> Vault:
        return Vault(self.snapshots, session, self._key, self._scratch_dir)

    def uid_of(self, session: str) -> int:
        """The user that the session's kernel runs as, 0 for the server's own."""
        if self.sandbox.level is Level.OFF or os.geteuid() != 0:
            return 0
        return FIRST_UID + zlib.crc32(session.encode()) % UIDS

    async def _connected(self, session: str, folder: Path, uid: int, vault: Vault) -> JailedKernel:
        try:
            return await self._connected_once(session, folder, uid, vault)
        except (ZygoteDied, KernelGone):
            if not self._fork_server.has_died:
                raise
        return await self._connected_once(session, folder, uid, vault)

    async def _connected_once(self, session: str, folder: Path, uid: int, vault: Vault) -> JailedKernel:
        kernel = await self._fork(session, folder, uid, vault)
        self._alive = {other for other in self._alive if other.alive} | {kernel}
        if self.sandbox.mechanisms:
            self._watch(kernel)
        try:
            await kernel.connect()
        except BaseException:
            await kernel.aclose()
            raise
        return kernel

    async def _fork(self, session: str, folder: Path, uid: int, vault: Vault) -> JailedKernel:
        if not self.sandbox.mechanisms:
            return await start_plain(session, folder, vault, self._settings)
        zygote = await self._fork_server.running()
        endpoints = Endpoints.create(f"{zygote.runtime}/{next(zygote.numbers)}")
        requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        requests.setblocking(False)
        requests.send(self._spawn(folder, uid, endpoints).to_packet())
        group = Group()
        try:
            make_group = partial(self._fork_server.groups.group, self._limits())
            with theirs:
                group = await made_in_thread(make_group, Group.remove)
                with closing(await made_in_thread(endpoints.listen, endpoints.withdraw)) as listeners:
                    process = await zygote.fork([*listeners.descriptors, theirs.fileno()])
        except BaseException:
            requests.close()
            await asyncio.to_thread(endpoints.remove)
            await asyncio.to_thread(group.remove)
            raise
        kernel = JailedKernel(session, folder, endpoints, process, requests, vault, self._settings, group)
        kernel.has_scratch = not self.sandbox.level.has_namespaces
        return kernel

    def _spawn(self, folder: Path, uid: int, endpoints: Endpoints) -> Spawn:
        settings = self._settings
        return Spawn(
            folder=self._fork_server.relative(folder),
            uid=uid,
            limits=self._limits(),
            output_size=settings.kernel_output_kb * 1024,
            message_size=settings.message_mb * MIB,
            connection=endpoints.connection_info(),
        )

    def _limits(self) -> Limits:
        s = self._settings
        return Limits(s.memory, s.kernel_processes, s.kernel_cpu_seconds, s.kernel_file_mb * MIB, OPEN_FILES)

    def _watch(self, kernel: JailedKernel) -> None:
        """Watch it until it ends. What cannot be watched is killed."""
        work = WORK if self.sandbox.level.has_namespaces else ""
        watch = watchdog.Watch(kernel.pid, kernel.folder, self._settings, work)
        # In a context of its own: the caller's is no longer needed, and its user's share of threads may be used up.
        own = Context()
        kernel.watching = asyncio.create_task(_watched(kernel, watch, self._settings.watch_seconds), context=own)
        kernel.watching.add_done_callback(partial(_end_watch, kernel), context=own)


def _end_watch(kernel: JailedKernel, task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("session %s: kernel killed: it cannot be watched", kernel.session, exc_info=error)
        kernel.kill("it could not be watched")


async def _watched(kernel: JailedKernel, watch: watchdog.Watch, seconds: float) -> None:
    seen = kernel.operations
    while kernel.alive:
        await asyncio.sleep(seconds)
        idle, seen = kernel.idle and kernel.operations == seen, kernel.operations
        try:
            reason = kernel.excess() or await asyncio.to_thread(watch.verdict, idle)
        except OSError as error:
            reason = f"files: the folder cannot be measured: {error.strerror}"
        if reason and kernel.alive:
            logger.warning("session %s: kernel killed: %s", kernel.session, reason)
            kernel.kill(reason)


__all__ = ["JailedKernel", "JailedKernels", "KernelGone", "Sandbox", "SnapshotDamaged", "SnapshotFailed"]
