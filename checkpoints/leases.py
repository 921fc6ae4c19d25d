"""Leases: one run at a time per session, in any process of the service.

A lease is taken in one statement, renewed by its process during the run, and free once it has expired, so a process
that died blocks a session only for that long. The row stays after the release and records the last process. The clock
is the machine's, which all processes on one database file share.
"""

import secrets
import time
from dataclasses import dataclass

import aiosqlite


@dataclass(frozen=True, slots=True)
class Lease:
    """This process's lease of a session."""

    session: str
    id: str
    """Identifies this acquisition."""
    from_elsewhere: bool
    """Another process had the previous lease."""


class Leases:
    """Rows of `leases`, as seen by one process; each statement is one call, see `Sessions`."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._process = secrets.token_hex(8)

    async def take(self, session: str, seconds: float) -> Lease | None:
        """The lease, for `seconds`; None if another one has not expired."""
        lease, now = secrets.token_hex(8), time.time()
        rows = await self._connection.execute_fetchall(
            "INSERT INTO leases (session, process, hold, before, expires) VALUES (?1, ?2, ?3, ?2, ?4)"
            " ON CONFLICT (session) DO UPDATE SET"
            " before = process, process = ?2, hold = ?3, expires = ?4, stop = '' WHERE expires <= ?5"
            " RETURNING before",
            (session, self._process, lease, now + seconds, now),
        )
        return next((Lease(session, lease, row[0] != self._process) for row in rows), None)

    async def renew(self, seconds: float) -> set[str]:
        """Renew all leases of this process; returns the IDs of those that it still has."""
        now = time.time()
        rows = await self._connection.execute_fetchall(
            "UPDATE leases SET expires = ? WHERE process = ? AND expires > 0 RETURNING hold",
            (now + seconds, self._process),
        )
        return {str(row[0]) for row in rows}

    async def asked_to_stop(self) -> dict[str, str]:
        """Leases of this process that should end: session → reason."""
        rows = await self._connection.execute_fetchall(
            "SELECT session, stop FROM leases WHERE process = ? AND expires > 0 AND stop != ''", (self._process,)
        )
        return {str(row[0]): str(row[1]) for row in rows}

    async def ask_to_stop(self, session: str, why: str, lease: str | None = None) -> bool:
        """Ask the process that has the session's lease, or only this lease, to stop; False if there is none."""
        rows = await self._connection.execute_fetchall(
            "UPDATE leases SET stop = ?1 WHERE session = ?2 AND expires > ?3 AND hold = coalesce(?4, hold)"
            " RETURNING hold",
            (why, session, time.time(), lease),
        )
        return bool(list(rows))

    async def held(self, session: str, lease: str | None = None) -> bool:
        """Whether the session has a lease, or whether this lease still exists."""
        rows = await self._connection.execute_fetchall(
            "SELECT 1 FROM leases WHERE session = ?1 AND expires > ?2 AND hold = coalesce(?3, hold)",
            (session, time.time(), lease),
        )
        return bool(list(rows))

    async def release(self, lease: Lease) -> None:
        """Release the lease; has no effect if it was lost."""
        await self._connection.execute_fetchall(
            "UPDATE leases SET expires = 0, stop = '' WHERE session = ? AND hold = ?", (lease.session, lease.id)
        )
