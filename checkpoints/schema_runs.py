"""Tables of runs and turns: steps of `migrations.py`."""

RUNS = (
    # Who answers in a session now: see checkpoints/leases.py.
    """CREATE TABLE leases (
        session TEXT PRIMARY KEY,
        process TEXT NOT NULL,
        hold TEXT NOT NULL,
        before TEXT NOT NULL,
        expires REAL NOT NULL,
        stop TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX leases_by_process ON leases (process, expires)",
    # Where a conversation can be taken up again: see checkpoints/turns.py.
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
