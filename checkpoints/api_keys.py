"""API keys of users' programs: shown once, stored as a digest."""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

import aiosqlite

KEY = re.compile(r"sk-[A-Za-z0-9_-]{43}")
"""32 random bytes: a digest needs neither salt nor cost, because such a key cannot be guessed."""
SHOWN = 8
MAX_KEYS = 100
USED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The stored data of a key. `prefix` is its beginning, to identify it. Times are seconds since the epoch."""

    id: str
    owner: str
    name: str
    prefix: str
    created: float
    used: float | None


class ApiKeys:
    """Rows of `api_keys`; every lookup except `find` and `existing` includes the owner."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def create(self, owner: str, name: str) -> tuple[ApiKey, str] | None:
        """A new key and its text, which is not stored; None if the owner has `MAX_KEYS`."""
        text = f"sk-{secrets.token_urlsafe(32)}"
        key = ApiKey(f"key_{secrets.token_hex(8)}", owner, name, text[:SHOWN], time.time(), None)
        made = await self._connection.execute_fetchall(
            "INSERT INTO api_keys (id, owner, name, prefix, digest, created) SELECT ?, ?, ?, ?, ?, ? "
            "WHERE (SELECT count(*) FROM api_keys WHERE owner = ?) < ? RETURNING id",
            (key.id, owner, name, key.prefix, _digest(text), key.created, owner, MAX_KEYS),
        )
        return (key, text) if list(made) else None

    async def list(self, owner: str) -> list[ApiKey]:
        """Oldest first."""
        rows = await self._connection.execute_fetchall(
            "SELECT id, owner, name, prefix, created, used FROM api_keys WHERE owner = ? ORDER BY created", (owner,)
        )
        return [ApiKey(*row) for row in rows]

    async def find(self, text: str) -> tuple[str, str] | None:
        """`(the key's ID, its owner)`; records that the key was used."""
        digest, now = _digest(text), time.time()
        rows = list(
            await self._connection.execute_fetchall("SELECT id, owner, used FROM api_keys WHERE digest = ?", (digest,))
        )
        if not rows:
            return None
        key, owner, used = rows[0]
        if used is None or now - used > USED_SECONDS:
            with suppress(aiosqlite.OperationalError):  # as in `Users.saw`
                await self._connection.execute_fetchall("UPDATE api_keys SET used = ? WHERE digest = ?", (now, digest))
        return str(key), str(owner)

    async def existing(self, keys: Collection[str]) -> set[str]:
        """Those of the IDs whose keys have not been revoked."""
        if not keys:
            return set()
        rows = await self._connection.execute_fetchall(
            "SELECT id FROM api_keys WHERE id IN (SELECT value FROM json_each(?))", (json.dumps([*keys]),)
        )
        return {str(row[0]) for row in rows}

    async def revoke(self, owner: str, key_id: str) -> bool:
        """Returns whether the owner had such a key."""
        gone = await self._connection.execute_fetchall(
            "DELETE FROM api_keys WHERE id = ? AND owner = ? RETURNING id", (key_id, owner)
        )
        return bool(list(gone))

    async def revoke_all(self, owner: str) -> None:
        await self._connection.execute_fetchall("DELETE FROM api_keys WHERE owner = ?", (owner,))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
