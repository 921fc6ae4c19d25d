"""The schema of our own tables: a list of steps, in order, each applied once."""

import time

import aiosqlite

from checkpoints.schema_accounts import ACCOUNTS

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE sessions (
            id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            title TEXT NOT NULL,
            created REAL NOT NULL,
            updated REAL NOT NULL
        ) STRICT""",
        "CREATE INDEX sessions_by_owner ON sessions (owner, updated DESC)",
    ),
    ACCOUNTS,
)


async def migrate(connection: aiosqlite.Connection) -> int:
    """Apply what is missing and return the version reached. Two processes may start at once."""
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied REAL NOT NULL) STRICT"
    )
    await connection.commit()
    await connection.execute("BEGIN IMMEDIATE")
    try:
        async with connection.execute("SELECT coalesce(max(version), 0) FROM migrations") as rows:
            row = await rows.fetchone()
        version = int(row[0]) if row else 0
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in statements:
                await connection.execute(statement)
            await connection.execute("INSERT INTO migrations VALUES (?, ?)", (number, time.time()))
    except aiosqlite.Error:
        await connection.rollback()
        raise
    await connection.commit()
    return max(version, len(MIGRATIONS))
