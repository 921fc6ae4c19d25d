"""One user's uploads: readable and searchable in all of the user's sessions.

A session works on copies (`stage`), so that programs cannot change the uploads.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workspace.folder import FileInfo, file_infos, regular_file
from workspace.folder_copy import copy_new
from workspace.names import free_name, inside
from workspace.upload import store


@dataclass(frozen=True, slots=True)
class Library:
    """The files in `folder`, which is created on first use."""

    folder: Path
    max_file_bytes: int
    scratch: Path
    """For files that are not complete yet, on the same disk."""

    async def add(self, label: str, chunks: AsyncIterator[bytes]) -> FileInfo:
        """Store an upload under a safe, free name. Raises `FileTooLargeError`."""
        await asyncio.to_thread(self.folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        return await store(self.folder, label, chunks, self.max_file_bytes, self.scratch)

    async def free_names(self, labels: Sequence[str], taken: Iterable[str]) -> list[str]:
        """A safe name for each label that is neither in the folder nor in `taken`, no two alike."""
        await asyncio.to_thread(self.folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        return await asyncio.to_thread(self._free_names, labels, set(taken))

    def _free_names(self, labels: Sequence[str], taken: set[str]) -> list[str]:
        names: list[str] = []
        for label in labels:
            names.append(free_name(self.folder, label, taken))
            taken.add(names[-1])
        return names

    async def put(self, path: Path, name: str) -> None:
        """Move a complete file here from elsewhere on the same disk; it is flushed when this returns.

        Raises `FileExistsError` rather than overwrite a file.
        """
        await asyncio.to_thread(_put, path, self.folder / name)

    async def rename(self, name: str, better: str) -> None:
        """Raises `FileNotFoundError`, `FileExistsError` or `BadNameError`."""
        await asyncio.to_thread(_put, inside(self.folder, name), inside(self.folder, better))

    async def discard(self, names: Iterable[str]) -> None:
        """Delete those of these files that exist."""
        for name in names:
            await asyncio.to_thread(inside(self.folder, name).unlink, missing_ok=True)

    async def files(self) -> list[FileInfo]:
        """All files, oldest first."""
        return await asyncio.to_thread(file_infos, self.folder)

    async def get(self, name: str) -> FileInfo:
        """Raises `FileNotFoundError` or `BadNameError`."""
        inside(self.folder, name)
        return await asyncio.to_thread(regular_file, self.folder, name)

    async def remove(self, name: str) -> None:
        """Raises `FileNotFoundError` or `BadNameError`."""
        await self.get(name)
        await asyncio.to_thread(inside(self.folder, name).unlink)

    async def stage(self, name: str, session_folder: Path, copy: str | None = None) -> None:
        """Copy a file into a session's folder, as `copy` (default: its own name), unless the session has such a file.

        Raises `BadNameError`, or `OSError`: `FileNotFoundError`, or a name that the folder cannot hold.
        """
        await self.get(name)
        await asyncio.to_thread(copy_new, self.folder, name, session_folder, copy or name, self.scratch)


def _put(path: Path, target: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    os.link(path, target)  # never overwrites an existing file
    path.unlink()
