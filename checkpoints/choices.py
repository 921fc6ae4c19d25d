"""Choices, such as the default model, for all users or for one."""

import aiosqlite


class Choices:
    """Rows of `choices`: one value per name."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def get(self, name: str) -> str | None:
        rows = await self._connection.execute_fetchall("SELECT value FROM choices WHERE name = ?", (name,))
        return next((str(row[0]) for row in rows), None)

    async def set(self, name: str, value: str) -> None:
        await self._connection.execute_fetchall(
            "INSERT INTO choices (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (name, value),
        )

    async def forget(self, name: str) -> None:
        """Succeeds even if nothing was chosen."""
        await self._connection.execute_fetchall("DELETE FROM choices WHERE name = ?", (name,))
