"""Turns: points from which a conversation can be continued, found by the conversation's fingerprint."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import aiosqlite

_COLUMNS = "t.id, t.session, t.state, t.fingerprint, t.instructions, t.checkpoint, t.created, t.newest"
_TURNS = "(SELECT *, id = (SELECT max(id) FROM turns n WHERE n.session = turns.session) AS newest FROM turns)"
_HEAD = "(SELECT max(checkpoint_id) FROM checkpoints c WHERE c.thread_id = turns.session AND c.checkpoint_ns = '')"


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """One turn of a session. `fingerprint` covers the conversation up to its answer or, if it has none, its
    question.
    """

    id: int
    session: str
    state: Literal["open", "done", "cut"]
    """`open` while it is being answered, and forever if the service died then; `cut`: ended before its answer."""
    fingerprint: str
    instructions: str
    """A digest of the client's system prompt."""
    checkpoint: str | None
    """LangGraph's checkpoint at the end of the turn; None while it is open."""
    created: float
    newest: bool
    """It is the session's last turn."""


class Turns:
    """Rows of `turns`; each statement is one call, see `Sessions`. Lookups by fingerprint include the owner."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def begin(self, session: str, owner: str, fingerprint: str, instructions: str) -> int:
        """Record a question; returns the turn's ID."""
        rows = await self._connection.execute_fetchall(
            "INSERT INTO turns (session, owner, state, fingerprint, instructions, created)"
            " VALUES (?, ?, 'open', ?, ?, ?) RETURNING id",
            (session, owner, fingerprint, instructions, time.time()),
        )
        return next(int(row[0]) for row in rows)

    async def finish(self, turn: int, fingerprint: str) -> str | None:
        """Record the answer. The turn's end is the thread's newest checkpoint, which is returned."""
        rows = await self._connection.execute_fetchall(
            f"UPDATE turns SET state = 'done', fingerprint = ?, checkpoint = {_HEAD} WHERE id = ?"  # noqa: S608
            " RETURNING checkpoint",
            (fingerprint, turn),
        )
        return next((row[0] for row in rows), None)

    async def cut(self, turn: int) -> None:
        """Record that it was ended before its answer was complete."""
        await self._connection.execute_fetchall(
            f"UPDATE turns SET state = 'cut', checkpoint = {_HEAD} WHERE id = ?",  # noqa: S608
            (turn,),
        )

    async def newest(self, session: str) -> StoredTurn | None:
        """The last turn of a session."""
        rows = await self._connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM {_TURNS} t WHERE t.session = ? ORDER BY t.id DESC LIMIT 1",  # noqa: S608
            (session,),
        )
        return next((_turn(row) for row in rows), None)

    async def at(self, session: str, checkpoint: str) -> StoredTurn | None:
        """The turn that ended with this checkpoint."""
        rows = await self._connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM {_TURNS} t WHERE t.session = ? AND t.checkpoint = ?",  # noqa: S608
            (session, checkpoint),
        )
        return next((_turn(row) for row in rows), None)

    async def matching(self, owner: str, fingerprints: Sequence[str], instructions: str) -> list[StoredTurn]:
        """The owner's turns that match one of `fingerprints`, those of the last fingerprint first.

        Among these, turns with the same system prompt come first, then the last turns of their sessions, then the
        latest.
        """
        rows = await self._connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM json_each(?1) f CROSS JOIN {_TURNS} t ON t.fingerprint = f.value AND t.owner = ?2"  # noqa: S608
            " JOIN sessions s ON s.id = t.session AND s.owner = ?2 AND s.deletion = 0"
            " WHERE t.newest OR t.checkpoint IS NOT NULL"
            " ORDER BY f.key DESC, t.instructions = ?3 DESC, t.newest DESC, t.id DESC LIMIT 200",
            (json.dumps(list(fingerprints)), owner, instructions),
        )
        return [_turn(row) for row in rows]


def _turn(row: Any) -> StoredTurn:
    return StoredTurn(row[0], row[1], row[2], row[3], row[4], row[5], row[6], bool(row[7]))
