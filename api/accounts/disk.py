"""How much of the disk is one user's."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from api.settings import Settings
from checkpoints.sessions import Sessions
from checkpoints.users import User
from workspace.jail.watchdog import folder_in_use
from workspace.settings import MIB

MOST_FILES = 1_000_000


class DiskUse:
    """Measures the user's own files and the folders and snapshots of their sessions, in a thread."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions

    async def __call__(self, user: User) -> int:
        """Bytes."""
        ids = await self._sessions.ids(user.id)
        data = self._settings.data_dir
        folders = [data / kind / name for kind in ("sessions", "snapshots") for name in ids]
        return await asyncio.to_thread(self._sum, [self._settings.user_dir(user.id), *folders])

    def _sum(self, folders: Iterable[Path]) -> int:
        return sum(self._size(folder) for folder in folders)

    def _size(self, folder: Path) -> int:
        try:
            return folder_in_use(folder, MOST_FILES).size
        except OSError:  # a tree made to be immeasurable counts as full
            return self._settings.kernel_folder_mb * MIB
