"""One session's workspace: its folder, its files, its kernel."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from workspace.folder import FileInfo, file_info, file_infos
from workspace.folder_copy import copy_new
from workspace.kernel import Kernel
from workspace.names import inside
from workspace.upload import put_in_place, store, without_copy


@dataclass(slots=True)
class SessionWorkspace:
    """Created by `Workspaces`; the folder exists."""

    session_id: str
    folder: Path
    make_kernel: Callable[[], Kernel]
    max_file_bytes: int
    scratch: Path
    """For files that are not complete yet, on the same disk."""
    made_kernel: Kernel | None = None
    """None until it is first needed."""

    @property
    def kernel(self) -> Kernel:
        """Created when first needed."""
        if self.made_kernel is None:
            self.made_kernel = self.make_kernel()
        return self.made_kernel

    async def add_file(self, label: str, chunks: AsyncIterator[bytes]) -> FileInfo:
        """Store an upload under a safe, free name, atomically.

        Raises `FileTooLargeError` beyond the limit.
        """
        return await store(self.folder, label, chunks, self.max_file_bytes, self.scratch)

    async def take_file(self, label: str, path: Path) -> FileInfo:
        """Move a complete file from elsewhere on the same disk here, under a safe, free name."""
        name = await asyncio.to_thread(put_in_place, self.folder, path, label)
        return await asyncio.to_thread(file_info, self.folder, name)

    async def copy_file(self, name: str, copy: str) -> None:
        """Copy a file within the folder, unless a file is named `copy`. Errors as for `copy_new`."""
        await asyncio.to_thread(copy_new, self.folder, name, self.folder, copy, self.scratch)

    async def without_copy(self, name: str, label: str) -> str:
        """The file's name; of a copy of the older file named `label`, the name of that one, and the copy is deleted."""
        return await asyncio.to_thread(without_copy, self.folder, name, label)

    async def files(self, names: Iterable[str] | None = None) -> list[FileInfo]:
        """The session's files, oldest first; `names` filters them."""
        return await asyncio.to_thread(file_infos, self.folder, names)

    async def remove_files(self, names: list[str]) -> None:
        for name in names:
            await asyncio.to_thread(inside(self.folder, name).unlink, missing_ok=True)
