"""A user's uploads: files in the library with matching database rows."""

import asyncio
import contextlib
import hashlib
import logging
import mimetypes
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from api.errors import ApiError, not_found
from api.files.form_receiver import Received
from api.files.settings import UploadSettings
from checkpoints.files import Files, NameTakenError, NewFile, StoredFile
from workspace.library import Library
from workspace.names import Names, is_simplified

log = logging.getLogger(__name__)

OnChanged = Callable[[str], Awaitable[None]]
"""Called with the user's ID after files were added or deleted; `on_removed` after they were deleted."""
TRIES = 10


class UserFiles:
    """Keeps the `files` table and the users' folders in sync.

    A row is inserted before its file is stored and deleted after it is removed, and is not `ready` in between. The next
    start thus finds what was interrupted and undoes it, or completes a deletion.
    """

    def __init__(
        self,
        files: Files,
        settings: UploadSettings,
        library: Callable[[str], Library],
        users_dir: Path,
        *,
        on_changed: tuple[OnChanged, ...] = (),
        on_removed: tuple[OnChanged, ...] = (),
    ) -> None:
        self._files = files
        self._settings = settings
        self._library = library
        self._users_dir = users_dir
        self._on_changed = on_changed
        self._on_removed = on_removed

    async def check_room(self, owner: str) -> None:
        """Raises 413 if the user has no storage left, before the body is read."""
        used = await self._files.usage(owner)
        if used.bytes >= self._settings.user_bytes or used.files >= self._settings.user_max_files:
            raise _no_room(self._settings)

    async def keep(self, owner: str, received: Sequence[Received]) -> list[StoredFile]:
        """Store all files in the owner's library, or none. Raises 413 beyond the owner's limits."""
        library = self._library(owner)
        names = await self._reserve(owner, library, received)
        complete = False
        try:
            for file, name in zip(received, names, strict=True):
                await library.put(file.path, name)
            await self._files.set_ready(owner, names, ready=True)
            complete = True
        finally:
            if not complete:
                await self._drop(owner, names)
        await _tell(self._on_changed, owner)
        stored = [await self._files.get(owner, name) for name in names]
        return [file for file in stored if file is not None]

    async def _reserve(self, owner: str, library: Library, received: Sequence[Received]) -> list[str]:
        most = self._settings
        for _ in range(TRIES):
            names = await library.free_names([file.label for file in received], await self._files.names(owner))
            rows = [
                NewFile(name, file.label, file.bytes, file.sha256, mime_of(name))
                for file, name in zip(received, names, strict=True)
            ]
            try:
                if await self._files.reserve(owner, rows, max_bytes=most.user_bytes, max_files=most.user_max_files):
                    return names
            except NameTakenError:
                continue
            raise _no_room(self._settings)
        raise ApiError(409, "Another of your uploads took the same name; try again.", code="name_taken")

    async def find(self, owner: str, asked: str) -> StoredFile | None:
        """The file with that name, in any spelling of it; None if there is none."""
        if (stored := await self._files.get(owner, asked)) is not None:
            return stored
        name = Names(await self._files.names(owner)).same(asked)
        return None if name is None else await self._files.get(owner, name)

    async def remove(self, owner: str, asked: str) -> str:
        """Delete one file; returns its name. Raises 404."""
        stored = await self.find(owner, asked)
        if stored is None or not await self._files.set_ready(owner, [stored.name], ready=False):
            raise not_found("file")
        await self._drop(owner, [stored.name])
        await _tell((*self._on_changed, *self._on_removed), owner)
        return stored.name

    async def _drop(self, owner: str, names: Sequence[str]) -> None:
        await self._library(owner).discard(names)
        await self._files.forget(owner, names)

    async def reconcile(self) -> None:
        """At startup: undo interrupted uploads, delete rows without a file, register files without a row."""
        folders = await asyncio.to_thread(_user_folders, self._users_dir)
        for owner in sorted(await self._files.owners() | folders):
            library = self._library(owner)
            rows = await self._files.names(owner)
            await self._drop(owner, [name for name, ready in rows.items() if not ready])
            there = await asyncio.to_thread(_plain_files, library.folder)
            gone = [name for name, ready in rows.items() if ready and name not in there]
            await self._files.forget(owner, gone)
            for name in sorted(there & set(rows)):
                await self._rename(owner, library, name)
            for name in sorted(there - set(rows)):
                file, created = await asyncio.to_thread(_look_at, library.folder, name)
                await self._files.adopt(owner, file, created)
                log.info("registered a file without a row in a user's folder")

    async def _rename(self, owner: str, library: Library, name: str) -> None:
        """Give a file that an earlier version stored under a simplified name the name that it would get today."""
        stored = await self._files.get(owner, name)
        if stored is None or not is_simplified(name, stored.label):
            return
        [better] = await library.free_names([stored.label], await self._files.names(owner))
        with contextlib.suppress(FileNotFoundError):  # another process of the service has renamed it
            await library.rename(name, better)
            await self._files.rename(owner, name, better)


async def _tell(everybody: Sequence[OnChanged], owner: str) -> None:
    for told in everybody:
        await told(owner)


def _no_room(settings: UploadSettings) -> ApiError:
    return ApiError(
        413,
        f"You may store at most {settings.user_max_files} files and {settings.user_storage_mb} MB. Delete some first.",
        kind="insufficient_quota",
        param="files",
        code="storage_quota_exceeded",
    )


def mime_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _user_folders(users_dir: Path) -> set[str]:
    if not users_dir.is_dir():
        return set()
    return {folder.name for folder in users_dir.iterdir() if (folder / "files").is_dir()}


def _plain_files(folder: Path) -> set[str]:
    if not folder.is_dir():
        return set()
    return {f.name for f in folder.iterdir() if f.is_file() and not f.is_symlink() and _can_be_told(f.name)}


def _can_be_told(name: str) -> bool:
    """Neither hidden nor an undecodable name."""
    return not name.startswith(".") and name.encode("utf-8", "replace").decode() == name


def _look_at(folder: Path, name: str) -> tuple[NewFile, float]:
    with (folder / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        stat = (folder / name).stat()
    return NewFile(name, name, stat.st_size, digest, mime_of(name)), stat.st_mtime
