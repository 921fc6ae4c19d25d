"""What has been chosen, such as the model that answers: for all, or by one user."""

import aiosqlite


class Choices:
    """Rows of `choices`: one value a name."""

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
        """There is no error when nothing was chosen."""
        await self._connection.execute_fetchall("DELETE FROM choices WHERE name = ?", (name,))
