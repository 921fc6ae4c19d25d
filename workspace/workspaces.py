"""All sessions' workspaces: made on first use, kernels stopped when too many are idle, all ended with the service."""

import asyncio
import re
import shutil
from collections import OrderedDict
from pathlib import Path

from workspace.errors import BadNameError
from workspace.session import SessionWorkspace
from workspace.settings import WorkspaceSettings

SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Workspaces:
    """One `SessionWorkspace` a session. `max_kernels` bounds the idle ones; the least recently used goes first."""

    def __init__(self, settings: WorkspaceSettings) -> None:
        self._settings = settings
        self._open: OrderedDict[str, SessionWorkspace] = OrderedDict()
        self._busy: dict[str, int] = {}

    def folder(self, session_id: str) -> Path:
        """Raises `BadNameError` when the id could not be one of ours."""
        if not SESSION_ID.fullmatch(session_id):
            raise BadNameError("not a session id")
        return self._settings.sessions_dir.resolve() / session_id

    async def acquire(self, session_id: str) -> SessionWorkspace:
        """The session's workspace, kept open until `release`."""
        folder = self.folder(session_id)
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        workspace = self._open.get(session_id)
        if workspace is None:
            workspace = self._open[session_id] = SessionWorkspace(session_id, folder, self._settings)
        self._open.move_to_end(session_id)
        self._busy[session_id] = self._busy.get(session_id, 0) + 1
        return workspace

    async def release(self, session_id: str) -> None:
        self._busy[session_id] -= 1
        if not self._busy[session_id]:
            del self._busy[session_id]
        idle = [key for key in self._open if key not in self._busy]
        for key in idle[: max(0, len(idle) - self._settings.max_idle_kernels)]:
            await self._open.pop(key).close()

    async def discard(self, session_id: str) -> None:
        """End the kernel and delete the folder."""
        workspace = self._open.pop(session_id, None)
        if workspace is not None:
            await workspace.close()
        await asyncio.to_thread(shutil.rmtree, self.folder(session_id), ignore_errors=True)

    async def aclose(self) -> None:
        """End all kernels."""
        workspaces, self._open = list(self._open.values()), OrderedDict()
        await asyncio.gather(*(workspace.close() for workspace in workspaces))
