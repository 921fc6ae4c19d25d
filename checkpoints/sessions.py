"""The sessions table: whose session is it? Asked on every access; never answered from checkpoint metadata."""

import secrets
import time
from dataclasses import dataclass

import aiosqlite

MAX_TITLE = 80


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation and its owner. Times are seconds since the epoch."""

    id: str
    owner: str
    title: str
    created: float
    updated: float


class Sessions:
    """Rows of `sessions`; every look-up names the owner.

    The connection is in autocommit mode and each statement is one call: coroutines share it, and a transaction
    or an open cursor of one would be in the way of the others.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def create(self, owner: str, first_words: str) -> Session:
        """A new session with an id that cannot be guessed, titled by its first question."""
        now = time.time()
        title = " ".join(first_words.split())
        title = title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1].rstrip() + "…"
        session = Session(secrets.token_urlsafe(16).lstrip("-_") or secrets.token_hex(16), owner, title, now, now)
        await self._connection.execute_fetchall(
            "INSERT INTO sessions (id, owner, title, created, updated) VALUES (?, ?, ?, ?, ?)",
            (session.id, session.owner, session.title, session.created, session.updated),
        )
        return session

    async def get(self, session_id: str, owner: str) -> Session | None:
        """None when there is no such session, and when it is somebody else's: nobody can tell the two apart."""
        rows = await self._connection.execute_fetchall(
            "SELECT id, owner, title, created, updated FROM sessions WHERE id = ? AND owner = ?",
            (session_id, owner),
        )
        return next((Session(*row) for row in rows), None)

    async def ids(self, owner: str) -> list[str]:
        """All sessions of one user."""
        rows = await self._connection.execute_fetchall("SELECT id FROM sessions WHERE owner = ?", (owner,))
        return [str(row[0]) for row in rows]

    async def touch(self, session_id: str) -> None:
        """The session was used now."""
        await self._connection.execute_fetchall(
            "UPDATE sessions SET updated = ? WHERE id = ?", (time.time(), session_id)
        )

    async def delete(self, session_id: str) -> None:
        await self._connection.execute_fetchall("DELETE FROM sessions WHERE id = ?", (session_id,))
