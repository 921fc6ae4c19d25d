"""Usage per user and day (UTC): runs and tokens."""

import time
from dataclasses import dataclass

import aiosqlite


@dataclass(frozen=True, slots=True)
class DayUse:
    """One day of a user. `day` is like 2026-01-31."""

    owner: str
    name: str | None
    """None if the account was deleted."""
    day: str
    runs: int
    tokens_in: int
    tokens_out: int


def today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


class Usage:
    """Rows of `usage`."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def add(self, owner: str, tokens_in: int, tokens_out: int, *, runs: int = 1) -> None:
        """Add a finished run. Atomic, so concurrent runs are all counted."""
        await self._connection.execute_fetchall(
            "INSERT INTO usage (owner, day, runs, tokens_in, tokens_out) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, tokens_in = tokens_in + excluded.tokens_in, "
            "tokens_out = tokens_out + excluded.tokens_out",
            (owner, today(), runs, tokens_in, tokens_out),
        )

    async def tokens_today(self, owner: str) -> int:
        """Input and output tokens."""
        rows = await self._connection.execute_fetchall(
            "SELECT tokens_in + tokens_out FROM usage WHERE owner = ? AND day = ?", (owner, today())
        )
        return next((int(row[0]) for row in rows), 0)

    async def days(
        self, since: str, owner: str | None = None, name: str | None = None, limit: int = 10_000
    ) -> list[DayUse]:
        """Days from `since` on, newest first; of one user, by ID or name, or of all."""
        rows = await self._connection.execute_fetchall(
            "SELECT owner, users.name, day, runs, tokens_in, tokens_out FROM usage "
            "LEFT JOIN users ON users.id = usage.owner "
            "WHERE day >= :since AND (:owner IS NULL OR owner = :owner) AND (:name IS NULL OR users.name = :name) "
            "ORDER BY day DESC, owner LIMIT :limit",
            {"since": since, "owner": owner, "name": name, "limit": limit},
        )
        return [DayUse(*row) for row in rows]

    async def forget(self, owner: str) -> None:
        await self._connection.execute_fetchall("DELETE FROM usage WHERE owner = ?", (owner,))
