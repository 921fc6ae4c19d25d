"""The table of responses: steps of `migrations.py`."""

RESPONSES = (
    # What `/v1/responses` has answered, and where its turn ended: see checkpoints/responses.py.
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
    # The lease under which it is worked on: when that is gone, so is whoever would have finished it.
    "ALTER TABLE responses ADD COLUMN hold TEXT NOT NULL DEFAULT ''",
)
