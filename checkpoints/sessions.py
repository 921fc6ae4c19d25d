"""The sessions table, which determines the owner of a session. Checked on every access."""

import json
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import aiosqlite

from checkpoints.cursor import START, Cursor
from checkpoints.search import condition
from checkpoints.titles import plain, shortened, title_of

EXTERNAL_ID = re.compile(r"[!-~]{1,200}")
"""An ID that a client gives a session; the service's own session IDs match as well."""
MAX_PASSAGE = 200_000
"""Searchable characters of one message."""
_COLUMNS = "s.id, s.owner, s.title, s.created, s.updated"


class Deletion(IntEnum):
    """Progress of a session's deletion. The row is deleted last, so interrupted deletions can be found."""

    NONE = 0
    BEGUN = 1
    """The session is no longer visible; its data is being deleted."""
    WIPED = 2
    """Its data is deleted; its remains in the database's files are overwritten next."""


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation and its owner. Times are seconds since the epoch."""

    id: str
    owner: str
    title: str
    created: float
    updated: float


@dataclass(frozen=True, slots=True)
class Listed:
    """A session in a list, with its number of messages."""

    session: Session
    messages: int

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.session.updated, self.session.id)


def _new_session(owner: str, first_words: str) -> Session:
    now = time.time()
    session_id = secrets.token_urlsafe(16).lstrip("-_") or secrets.token_hex(16)
    return Session(session_id, owner, title_of(first_words), now, now)


class Sessions:
    """Rows of `sessions`, and of `passages`, the text of their messages; every lookup includes the owner.

    The connection is in autocommit mode and each statement is one call: coroutines share it, so a transaction or an
    open cursor of one would block the others.
    """

    def __init__(self, connection: aiosqlite.Connection, searching: aiosqlite.Connection) -> None:
        """A search takes long, and only other searches wait for it: it has a connection of its own."""
        self._connection = connection
        self._searching = searching

    async def create(self, owner: str, first_words: str) -> Session:
        """A new session with an unguessable ID, titled by its first question."""
        session = _new_session(owner, first_words)
        await self._connection.execute_fetchall(
            "INSERT INTO sessions (id, owner, title, created, updated) VALUES (?, ?, ?, ?, ?)",
            (session.id, session.owner, session.title, session.created, session.updated),
        )
        return session

    async def get_or_create(self, external_id: str, owner: str, first_words: str) -> Session:
        """The owner's session that a client knows as `external_id`; a new one if there is none.

        Concurrent calls, in any process, return the same session.
        """
        session = _new_session(owner, first_words)
        rows = await self._connection.execute_fetchall(
            "INSERT INTO sessions (id, owner, title, created, updated, external_id) VALUES (?, ?, ?, ?, ?, ?)"
            # An update of nothing: without one, the existing row is not returned.
            " ON CONFLICT (owner, external_id) WHERE external_id IS NOT NULL"
            " DO UPDATE SET external_id = excluded.external_id"
            " RETURNING id, owner, title, created, updated",
            (session.id, session.owner, session.title, session.created, session.updated, external_id),
        )
        return next(Session(*row) for row in rows)

    async def find(self, external_id: str, owner: str) -> Session | None:
        """The owner's session that a client knows as `external_id`."""
        rows = await self._connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM sessions s"  # noqa: S608
            " WHERE s.owner = ? AND s.external_id = ? AND s.deletion = 0",
            (owner, external_id),
        )
        return next((Session(*row) for row in rows), None)

    async def external_id(self, session_id: str) -> str | None:
        """The ID by which a client knows the session."""
        rows = await self._connection.execute_fetchall("SELECT external_id FROM sessions WHERE id = ?", (session_id,))
        return next((row[0] for row in rows), None)

    async def assign(self, external_id: str, session: Session) -> None:
        """From now on, the owner's client knows this session by `external_id`, and no other one."""
        await self._connection.execute_fetchall(
            "UPDATE sessions SET external_id = NULL WHERE owner = ? AND external_id = ? AND id <> ?",
            (session.owner, external_id, session.id),
        )
        await self._connection.execute_fetchall(
            # Another request may have assigned it in between; it will be assigned again with the next turn.
            "UPDATE OR IGNORE sessions SET external_id = ?1 WHERE id = ?2 AND external_id IS NOT ?1 AND deletion = 0",
            (external_id, session.id),
        )

    async def get(self, session_id: str, owner: str) -> Session | None:
        """None if there is no such session, or if it belongs to another user: the two cannot be distinguished."""
        rows = await self._connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM sessions s WHERE s.id = ? AND s.owner = ? AND s.deletion = 0",  # noqa: S608
            (session_id, owner),
        )
        return next((Session(*row) for row in rows), None)

    async def ids(self, owner: str) -> list[str]:
        """All sessions of a user except those being deleted."""
        rows = await self._connection.execute_fetchall(
            "SELECT id FROM sessions WHERE owner = ? AND deletion = 0", (owner,)
        )
        return [str(row[0]) for row in rows]

    async def page(self, owner: str, *, after: Cursor = START, limit: int, query: str = "") -> list[Listed]:
        """The owner's sessions that contain all words of `query`, most recently used first.

        A session that is used during paging moves to the first page; the others keep their place.
        """
        found = condition(query)
        rows = await self._searching.execute_fetchall(
            f"SELECT {_COLUMNS}, (SELECT count(*) FROM passages p WHERE p.session = s.id)"  # noqa: S608
            " FROM sessions s WHERE s.owner = ? AND s.deletion = 0 AND (s.updated, s.id) < (?, ?)"
            f" AND {found.sql} ORDER BY s.updated DESC, s.id DESC LIMIT ?",
            (owner, after.time, after.key, *found.values, limit),
        )
        return [Listed(Session(*row[:-1]), row[-1]) for row in rows]

    async def count_messages(self, session_id: str) -> int:
        rows = await self._connection.execute_fetchall("SELECT count(*) FROM passages WHERE session = ?", (session_id,))
        return next(int(row[0]) for row in rows)

    async def said(self, session_id: str, texts: Sequence[str]) -> None:
        """Add messages of the session to the search, and mark the session as used."""
        passages = json.dumps([plain(text)[:MAX_PASSAGE] for text in texts])
        await self._connection.execute_fetchall(
            "INSERT INTO passages (session, text) SELECT ?, value FROM json_each(?)", (session_id, passages)
        )
        await self._connection.execute_fetchall(
            "UPDATE sessions SET updated = ? WHERE id = ?", (time.time(), session_id)
        )

    async def rename(self, session_id: str, owner: str, title: str) -> Session | None:
        """Rename a session; None if the owner has no such session."""
        await self._connection.execute_fetchall(
            "UPDATE sessions SET title = ? WHERE id = ? AND owner = ? AND deletion = 0",
            (shortened(title), session_id, owner),
        )
        return await self.get(session_id, owner)

    async def touch(self, session_id: str) -> None:
        """Mark the session as used now."""
        await self._connection.execute_fetchall(
            "UPDATE sessions SET updated = ? WHERE id = ?", (time.time(), session_id)
        )

    # deletion, in this order

    async def begin_deletion(self, session_id: str, owner: str) -> bool:
        """Hide the session, and delete its title and external ID; False if the owner has no such session.

        An interrupted deletion may be started again.
        """
        rows = await self._connection.execute_fetchall(
            "UPDATE sessions SET deletion = ?1, title = '', external_id = NULL"
            " WHERE id = ?2 AND owner = ?3 AND deletion <= ?1 RETURNING id",
            (Deletion.BEGUN, session_id, owner),
        )
        return bool(list(rows))

    async def delete_unused(self, session_id: str) -> bool:
        """Delete the row of a session that has no turns and is not locked; False if it is in use."""
        rows = await self._connection.execute_fetchall(
            "DELETE FROM sessions WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM turns WHERE session = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM leases WHERE session = ?1 AND expires > ?2) RETURNING id",
            (session_id, time.time()),
        )
        return bool(list(rows))

    async def wipe(self, session_id: str) -> None:
        """Delete the session's data in these tables."""
        for table in ("passages", "turns", "leases", "responses"):
            await self._connection.execute_fetchall(f"DELETE FROM {table} WHERE session = ?", (session_id,))  # noqa: S608
        await self._connection.execute_fetchall(
            "UPDATE sessions SET deletion = ? WHERE id = ? AND deletion = ?",
            (Deletion.WIPED, session_id, Deletion.BEGUN),
        )

    async def in_deletion(self, state: Deletion) -> list[Session]:
        """Sessions whose deletion has reached this state."""
        rows = await self._connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM sessions s WHERE s.deletion = ?",  # noqa: S608
            (state,),
        )
        return [Session(*row) for row in rows]

    async def delete(self, session_id: str) -> None:
        """Delete the row itself."""
        await self._connection.execute_fetchall("DELETE FROM sessions WHERE id = ?", (session_id,))
