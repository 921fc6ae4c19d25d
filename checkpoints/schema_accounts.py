"""Tables of accounts: steps of `migrations.py`."""

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
