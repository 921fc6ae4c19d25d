"""All sessions' workspaces: made on first use, their kernels jailed and counted, all ended with the service."""

import asyncio
import contextlib
import logging
import os
import re
import secrets
import subprocess
from functools import partial
from pathlib import Path

from workspace.errors import BadNameError, WorkspaceError
from workspace.jail.fork_server import ForkServer
from workspace.jail.kernels import JailedKernels
from workspace.jail.probe import Sandbox
from workspace.jail.settings import JailSettings
from workspace.jail.variables import Variable
from workspace.kernel import Kernel
from workspace.kernel_limits import Rooms
from workspace.session import SessionWorkspace
from workspace.settings import WorkspaceSettings

log = logging.getLogger(__name__)

SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Workspaces:
    """One `SessionWorkspace` a session; open for as long as the service."""

    def __init__(
        self,
        settings: WorkspaceSettings,
        jail: JailSettings,
        *,
        sessions: Path,
        snapshots: Path,
        max_file_bytes: int,
        fork_server: ForkServer | None = None,
    ) -> None:
        """`sessions` holds every session's folder, `snapshots` its saved variables. A `fork_server` that is given is
        shared with other workspaces and stays open."""
        self._settings = settings
        self._jail_settings = jail
        self._fork_server = fork_server
        self._folder = sessions.resolve()
        self._snapshots = snapshots.resolve()
        self._max_file_bytes = max_file_bytes
        self._rooms = Rooms(settings)
        self._open: dict[str, SessionWorkspace] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, boot: bool) -> Sandbox:
        """Find out how kernels can be locked in; with `boot`, have the fork server ready soon.

        Raises `SandboxUnavailable` when they cannot be as the settings demand.
        """
        key = await asyncio.to_thread(self._key)
        self.jail = JailedKernels(
            self._jail_settings,
            sessions=self._folder,
            snapshots=self._snapshots,
            key=key,
            fork_server=self._fork_server,
        )
        sandbox = await self.jail.start(boot=False)
        self._tasks.append(asyncio.create_task(self._rooms.sweep()))
        if boot:
            self._tasks.append(asyncio.create_task(self._boot()))
        return sandbox

    async def _boot(self) -> None:
        try:
            await self.jail.boot()
        except (RuntimeError, TimeoutError, OSError) as error:
            log.warning("the fork server did not start, it is tried again at the first program: %s", error)

    def folder(self, session_id: str) -> Path:
        """Raises `BadNameError` when the id could not be one of ours."""
        if not SESSION_ID.fullmatch(session_id):
            raise BadNameError("not a session id")
        return self._folder / session_id

    async def open(self, session_id: str, owner: str) -> SessionWorkspace:
        """The session's workspace; its folder exists."""
        folder = self.folder(session_id)
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        workspace = self._open.get(session_id)
        if workspace is None:
            make_kernel = partial(self._make_kernel, session_id, folder, owner)
            workspace = self._open[session_id] = SessionWorkspace(session_id, folder, make_kernel, self._max_file_bytes)
        return workspace

    def _make_kernel(self, session_id: str, folder: Path, owner: str) -> Kernel:
        kernel = Kernel(session_id, folder, self.jail, self._settings, self._rooms)
        self._rooms.add(kernel, owner)
        return kernel

    async def rest(self) -> None:
        """A run has ended: its kernel is idle now, and another that waits for room may have it."""
        await self._rooms.left()

    async def retire(self, session_id: str) -> None:
        """End the session's Python here: another process has run programs since, and its snapshot is the newer one."""
        if (kernel := self._kernel_of(self._open.get(session_id))) is not None:
            await kernel.close()

    @staticmethod
    def _kernel_of(workspace: SessionWorkspace | None) -> Kernel | None:
        return workspace.made_kernel if workspace is not None else None

    async def variables(self, session_id: str) -> list[Variable]:
        """A session's variables, whether its kernel runs or not. Makes nothing on the disk."""
        workspace = self._open.get(session_id)
        if workspace is None:
            return await Kernel(session_id, self.folder(session_id), self.jail, self._settings, self._rooms).variables()
        return await workspace.kernel.variables()

    async def discard(self, session_id: str) -> None:
        """End the kernel, forget its variables, delete the folder: nothing of the session is left on disk.

        Raises `WorkspaceError` when the folder cannot be deleted.
        """
        kernel = self._kernel_of(self._open.pop(session_id, None))
        if kernel is not None:
            self._rooms.remove(kernel)
            await kernel.discard()
        else:
            await self.jail.forget(session_id)
        await asyncio.to_thread(_delete_tree, self.folder(session_id))

    async def aclose(self) -> None:
        """Keep what is unsaved, end all kernels and, unless it is shared, the fork server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        workspaces, self._open = list(self._open.values()), {}
        kernels = [kernel for workspace in workspaces if (kernel := workspace.made_kernel) is not None]
        await asyncio.gather(*(kernel.close() for kernel in kernels))
        await self.jail.aclose()

    def _key(self) -> bytes:
        """Signs snapshots; made at the first start, readable by the service alone."""
        path = self._snapshots / ".key"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor has no path)
                file.write(secrets.token_bytes(32))
        return path.read_bytes()


def _delete_tree(folder: Path) -> None:
    """Whatever a session made: trees deeper than Python's own rmtree can follow, folders that nobody may enter."""
    command = ["rm", "-rf", "--", str(folder)]
    subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+rwx", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
    if folder.exists():
        raise WorkspaceError("A session's folder could not be deleted.")
