"""The files table: users' uploads. The service chooses the name, which is used on disk; the user's name is a label."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import aiosqlite

from checkpoints.cursor import START, Cursor

_COLUMNS = "owner, name, label, bytes, sha256, mime, created"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is about to be stored."""

    name: str
    label: str
    bytes: int
    sha256: str
    mime: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A user's file. `created` is in seconds since the epoch."""

    owner: str
    name: str
    label: str
    bytes: int
    sha256: str
    mime: str
    created: float

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.created, self.name)


@dataclass(frozen=True, slots=True)
class Usage:
    """Number and size of a user's files."""

    bytes: int
    files: int


class NameTakenError(Exception):
    """A concurrent upload took the name; choose another one."""


class Files:
    """Rows of `files`. A row that is not `ready` belongs to an unfinished upload or deletion.

    As with sessions, each statement is one call on a connection in autocommit mode.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def reserve(self, owner: str, files: Sequence[NewFile], *, max_bytes: int, max_files: int) -> bool:
        """Insert rows for all files, not ready yet, or for none if they would exceed the owner's limits.

        Unfinished uploads count, so two concurrent ones cannot exceed the limits together. Raises `NameTakenError`.
        """
        size = sum(file.bytes for file in files)
        try:
            rows = await self._connection.execute_fetchall(
                f"INSERT INTO files ({_COLUMNS}, ready)"  # noqa: S608
                " SELECT ?1, value ->> 'name', value ->> 'label', value ->> 'bytes', value ->> 'sha256',"
                " value ->> 'mime', ?2, 0 FROM json_each(?3)"
                " WHERE (SELECT total(bytes) FROM files WHERE owner = ?1) + ?4 <= ?5"
                " AND (SELECT count(*) FROM files WHERE owner = ?1) + ?6 <= ?7 RETURNING name",
                (owner, time.time(), json.dumps([asdict(f) for f in files]), size, max_bytes, len(files), max_files),
            )
        except aiosqlite.IntegrityError as error:
            raise NameTakenError from error
        return len(list(rows)) == len(files)

    async def set_ready(self, owner: str, names: Iterable[str], *, ready: bool) -> bool:
        """Show or hide files; False if nothing changed."""
        rows = await self._connection.execute_fetchall(
            "UPDATE files SET ready = ? WHERE owner = ? AND ready != ?"
            " AND name IN (SELECT value FROM json_each(?)) RETURNING name",
            (ready, owner, ready, json.dumps(list(names))),
        )
        return bool(list(rows))

    async def forget(self, owner: str, names: Iterable[str]) -> None:
        await self._connection.execute_fetchall(
            "DELETE FROM files WHERE owner = ? AND name IN (SELECT value FROM json_each(?))",
            (owner, json.dumps(list(names))),
        )

    async def get(self, owner: str, name: str) -> StoredFile | None:
        rows = await self._connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM files WHERE owner = ? AND name = ? AND ready",  # noqa: S608
            (owner, name),
        )
        return next((StoredFile(*row) for row in rows), None)

    async def page(self, owner: str, *, after: Cursor = START, limit: int) -> list[StoredFile]:
        """The owner's files, newest first."""
        rows = await self._connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM files WHERE owner = ? AND ready AND (created, name) < (?, ?)"  # noqa: S608
            " ORDER BY created DESC, name DESC LIMIT ?",
            (owner, after.time, after.key, limit),
        )
        return [StoredFile(*row) for row in rows]

    async def usage(self, owner: str) -> Usage:
        rows = await self._connection.execute_fetchall(
            "SELECT coalesce(sum(bytes), 0), count(*) FROM files WHERE owner = ?", (owner,)
        )
        return next(Usage(*row) for row in rows)

    # at startup

    async def rename(self, owner: str, name: str, better: str) -> None:
        await self._connection.execute_fetchall(
            "UPDATE files SET name = ? WHERE owner = ? AND name = ?", (better, owner, name)
        )

    async def owners(self) -> set[str]:
        rows = await self._connection.execute_fetchall("SELECT DISTINCT owner FROM files")
        return {row[0] for row in rows}

    async def names(self, owner: str) -> dict[str, bool]:
        """All rows of the owner: name → ready."""
        rows = await self._connection.execute_fetchall("SELECT name, ready FROM files WHERE owner = ?", (owner,))
        return {row[0]: bool(row[1]) for row in rows}

    async def adopt(self, owner: str, file: NewFile, created: float) -> None:
        """Insert a row for a file that was found without one."""
        await self._connection.execute_fetchall(
            f"INSERT OR IGNORE INTO files ({_COLUMNS}, ready) VALUES (?, ?, ?, ?, ?, ?, ?, 1)",  # noqa: S608
            (owner, file.name, file.label, file.bytes, file.sha256, file.mime, created),
        )
