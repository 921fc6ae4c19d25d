"""The table of responses: a step of `migrations.py`."""

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
