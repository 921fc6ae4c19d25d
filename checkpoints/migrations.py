"""The schema of our own tables: a list of steps, in order, each applied once."""

import time

import aiosqlite

from checkpoints.schema_accounts import ACCOUNTS
from checkpoints.schema_responses import RESPONSE_HOLDS, RESPONSES
from checkpoints.schema_runs import RUNS

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
    (
        # How far a deletion has come: see checkpoints/sessions.py.
        "ALTER TABLE sessions ADD COLUMN deletion INTEGER NOT NULL DEFAULT 0",
        "DROP INDEX sessions_by_owner",
        "CREATE INDEX sessions_by_owner ON sessions (owner, deletion, updated DESC, id DESC)",
        # What was said, for searching: one row a message. The full-text table keeps no text of its own.
        """CREATE TABLE passages (
            id INTEGER PRIMARY KEY,
            session TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX passages_by_session ON passages (session)",
        """CREATE VIRTUAL TABLE passages_index USING fts5 (
            text, content = 'passages', content_rowid = 'id', tokenize = 'trigram'
        )""",
        """CREATE TRIGGER passage_added AFTER INSERT ON passages BEGIN
            INSERT INTO passages_index (rowid, text) VALUES (new.id, new.text);
        END""",
        """CREATE TRIGGER passage_dropped AFTER DELETE ON passages BEGIN
            INSERT INTO passages_index (passages_index, rowid, text) VALUES ('delete', old.id, old.text);
        END""",
    ),
    (
        """CREATE TABLE files (
            owner TEXT NOT NULL,
            name TEXT NOT NULL,
            label TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            mime TEXT NOT NULL,
            created REAL NOT NULL,
            ready INTEGER NOT NULL,
            PRIMARY KEY (owner, name)
        ) STRICT""",
        "CREATE INDEX files_by_age ON files (owner, ready, created DESC, name DESC)",
    ),
    ACCOUNTS,
    RUNS,
    RESPONSES,
    RESPONSE_HOLDS,
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
