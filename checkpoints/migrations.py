"""The schema of the service's own tables: an ordered list of migrations, each applied once."""

import time

import aiosqlite

RESPONSES = (
    # Responses of `/v1/responses` and the end of their turns: see checkpoints/responses.py.
    """CREATE TABLE responses (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        session TEXT NOT NULL,
        checkpoint TEXT,
        created REAL NOT NULL,
        body TEXT NOT NULL,
        input TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX responses_by_session ON responses (session)",
)

RESPONSE_HOLDS = (
    # The lease of the run: once it is gone, nothing will complete the response.
    "ALTER TABLE responses ADD COLUMN hold TEXT NOT NULL DEFAULT ''",
)


RUNS = (
    # Which process is answering in a session: see checkpoints/leases.py.
    """CREATE TABLE leases (
        session TEXT PRIMARY KEY,
        process TEXT NOT NULL,
        hold TEXT NOT NULL,
        before TEXT NOT NULL,
        expires REAL NOT NULL,
        stop TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX leases_by_process ON leases (process, expires)",
    # Points from which a conversation can be continued: see checkpoints/turns.py.
    """CREATE TABLE turns (
        id INTEGER PRIMARY KEY,
        session TEXT NOT NULL,
        owner TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'done', 'cut')),
        fingerprint TEXT NOT NULL,
        instructions TEXT NOT NULL,
        checkpoint TEXT,
        created REAL NOT NULL
    ) STRICT""",
    "CREATE INDEX turns_by_fingerprint ON turns (owner, fingerprint)",
    "CREATE INDEX turns_by_session ON turns (session, id)",
)


ACCOUNTS = (
    """CREATE TABLE users (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL COLLATE NOCASE UNIQUE,
        password TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('admin', 'user', 'guest')),
        disabled INTEGER NOT NULL DEFAULT 0,
        generation INTEGER NOT NULL DEFAULT 0,
        requests_per_minute INTEGER,
        concurrent_runs INTEGER,
        tokens_per_day INTEGER,
        disk_mb INTEGER,
        created REAL NOT NULL,
        seen REAL
    ) STRICT""",
    """CREATE TABLE api_keys (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        name TEXT NOT NULL,
        prefix TEXT NOT NULL,
        digest TEXT NOT NULL UNIQUE,
        created REAL NOT NULL,
        used REAL
    ) STRICT""",
    "CREATE INDEX api_keys_by_owner ON api_keys (owner, created)",
    """CREATE TABLE usage (
        owner TEXT NOT NULL,
        day TEXT NOT NULL,
        runs INTEGER NOT NULL DEFAULT 0,
        tokens_in INTEGER NOT NULL DEFAULT 0,
        tokens_out INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (owner, day)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE choices (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
)


EXTERNAL_IDS = (
    # The ID by which a client knows the session, unique per owner: see checkpoints/sessions.py.
    "ALTER TABLE sessions ADD COLUMN external_id TEXT",
    "CREATE UNIQUE INDEX sessions_by_external_id ON sessions (owner, external_id) WHERE external_id IS NOT NULL",
)


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
        # Progress of a deletion: see checkpoints/sessions.py.
        "ALTER TABLE sessions ADD COLUMN deletion INTEGER NOT NULL DEFAULT 0",
        "DROP INDEX sessions_by_owner",
        "CREATE INDEX sessions_by_owner ON sessions (owner, deletion, updated DESC, id DESC)",
        # Message texts for searching: one row per message. The full-text table stores no text of its own.
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
    EXTERNAL_IDS,
)


async def migrate(connection: aiosqlite.Connection) -> int:
    """Apply missing migrations and return the version reached. Two processes may start at once."""
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
