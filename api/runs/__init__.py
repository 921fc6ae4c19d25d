"""The machinery of a run: its task, event log, session lock, and the stream that tells it."""
