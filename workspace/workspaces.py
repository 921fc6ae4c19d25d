"""All sessions' workspaces: created on first use, with sandboxed and limited kernels, ended with the service."""

import asyncio
import contextlib
import logging
import os
import re
import secrets
import subprocess
from collections.abc import Container
from functools import partial
from pathlib import Path

from workspace.errors import BadNameError, WorkspaceError
from workspace.gone_variables import GoneVariables
from workspace.jail.fork_server import ForkServer
from workspace.jail.kernels import JailedKernels
from workspace.jail.probe import Sandbox
from workspace.jail.settings import JailSettings
from workspace.jail.variables import HIDDEN_TYPES, Variable
from workspace.kernel import Kernel
from workspace.kernel_limits import Rooms
from workspace.session import SessionWorkspace
from workspace.settings import WorkspaceSettings
from workspace.settings_model import SettingsError

log = logging.getLogger(__name__)

KEY_BYTES = 32
SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Workspaces:
    """One `SessionWorkspace` per session, open as long as the service."""

    def __init__(
        self,
        settings: WorkspaceSettings,
        jail: JailSettings,
        *,
        sessions: Path,
        snapshots: Path,
        scratch: Path,
        max_file_bytes: int,
        fork_server: ForkServer | None = None,
    ) -> None:
        """`sessions` contains every session's folder, `snapshots` its saved variables; `scratch`, on the same disk,
        those files that are not complete yet. A `fork_server` passed in is shared with other workspaces and stays open.
        """
        self._settings = settings
        self._jail_settings = jail
        self._fork_server = fork_server
        self._folder = sessions.resolve()
        self._snapshots = snapshots.resolve()
        self._scratch = scratch
        self._max_file_bytes = max_file_bytes
        self._rooms = Rooms(settings)
        self._open: dict[str, SessionWorkspace] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, boot: bool) -> Sandbox:
        """Determine the sandbox level; with `boot`, start the fork server in the background.

        Raises `SandboxUnavailable` if the settings cannot be satisfied, `SettingsError` if the key is damaged.
        """
        key = await asyncio.to_thread(self._key)
        self.jail = JailedKernels(
            self._jail_settings,
            sessions=self._folder,
            snapshots=self._snapshots,
            key=key,
            scratch_dir=self._scratch,
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
            log.warning("the fork server did not start; retrying at the first program: %s", error)

    def folder(self, session_id: str) -> Path:
        """Raises `BadNameError` for an invalid ID."""
        if not SESSION_ID.fullmatch(session_id):
            raise BadNameError("not a session ID")
        return self._folder / session_id

    async def open(self, session_id: str, owner: str) -> SessionWorkspace:
        """The session's workspace; its folder exists."""
        folder = self.folder(session_id)
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        workspace = self._open.get(session_id)
        if workspace is None:
            make_kernel = partial(self._make_kernel, session_id, folder, owner)
            workspace = self._open[session_id] = SessionWorkspace(
                session_id, folder, make_kernel, self._max_file_bytes, self._scratch
            )
        return workspace

    def _make_kernel(self, session_id: str, folder: Path, owner: str) -> Kernel:
        kernel = Kernel(session_id, folder, self.jail, self._settings, self._rooms)
        self._rooms.add(kernel, owner)
        return kernel

    async def rest(self) -> None:
        """A run has ended: its kernel is idle now and may be stopped for another one."""
        await self._rooms.left()

    async def retire(self, session_id: str) -> None:
        """End the session's Python here: another process has run programs since, and its snapshot is newer."""
        if (kernel := self._kernel_of(self._open.get(session_id))) is not None:
            await kernel.close()

    @staticmethod
    def _kernel_of(workspace: SessionWorkspace | None) -> Kernel | None:
        return workspace.made_kernel if workspace is not None else None

    async def variables(self, session_id: str) -> list[Variable]:
        """A session's variables, whether its kernel is running or not. Creates nothing on disk."""
        return await self._kernel(session_id).variables()

    async def note_gone(self, session_id: str, source_id: str, but: Container[str]) -> None:
        """Tell the session's programs which variables of the session that it was forked from they do not have; all
        `but` those with these names.
        """
        source = self._kernel(source_id)
        there = await source.variables()
        told = [*there, *await source.gone_variables(there)]
        gone = [variable for variable in told if variable.name not in but and variable.type not in HIDDEN_TYPES]
        if gone:
            await asyncio.to_thread(GoneVariables(self._snapshots / session_id).write, gone)

    def _kernel(self, session_id: str) -> Kernel:
        """The session's kernel or, if it is not open, one that only reads its snapshot."""
        workspace = self._open.get(session_id)
        if workspace is not None:
            return workspace.kernel
        return Kernel(session_id, self.folder(session_id), self.jail, self._settings, self._rooms)

    async def discard(self, session_id: str) -> None:
        """End the kernel, delete its variables and the folder: nothing of the session is left on disk.

        Raises `WorkspaceError` if the folder cannot be deleted.
        """
        kernel = self._kernel_of(self._open.pop(session_id, None))
        if kernel is not None:
            self._rooms.remove(kernel)
            await kernel.discard()
        else:
            await self.jail.forget(session_id)
        await asyncio.to_thread(_delete_tree, self.folder(session_id))

    def owners(self) -> set[str]:
        """The users that have running kernels here."""
        return self._rooms.owners()

    async def end_kernels(self, owner: str) -> None:
        """End a user's kernels here; their variables are kept."""
        await asyncio.gather(*(kernel.close() for kernel in self._rooms.running(owner)))

    async def aclose(self) -> None:
        """Save what is unsaved, end all kernels and, unless it is shared, the fork server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        workspaces, self._open = list(self._open.values()), {}
        kernels = [kernel for workspace in workspaces if (kernel := workspace.made_kernel) is not None]
        await asyncio.gather(*(kernel.close() for kernel in kernels))
        await self.jail.aclose()

    def _key(self) -> bytes:
        """Signs snapshots; created at the first start, readable only by the service."""
        path = self._snapshots / ".key"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            complete = self._scratch / secrets.token_hex(8)
            complete.touch(0o600)
            complete.write_bytes(secrets.token_bytes(KEY_BYTES))
            with contextlib.suppress(FileExistsError):
                os.link(complete, path)
            complete.unlink()
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise SettingsError(f"{path} is damaged; delete its folder, and with it the variables of all sessions")
        return key


def _delete_tree(folder: Path) -> None:
    """Handles trees deeper than Python's rmtree supports, and folders without permissions."""
    command = ["rm", "-rf", "--", str(folder)]
    subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+rwx", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
    if folder.exists():
        raise WorkspaceError("A session's folder could not be deleted.")
