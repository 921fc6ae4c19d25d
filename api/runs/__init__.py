"""The machinery of a run: its task, event log, session lock and stream."""
