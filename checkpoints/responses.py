"""Responses of `/v1/responses`: each refers to the end of a turn, from which any number of others can continue."""

import json
import time
from dataclasses import dataclass
from typing import Any

import aiosqlite

_COLUMNS = "id, session, checkpoint, body, input, hold"


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """`body` is the object that the client got, `input` the items that it sent."""

    id: str
    session: str
    checkpoint: str | None
    """The thread's checkpoint at the end of the turn; None before that, and if it was cut off."""
    body: dict[str, Any]
    input: list[dict[str, Any]]
    lease: str
    """ID of the run's lease."""


class Responses:
    """Rows of `responses`; each statement is one call, see `Sessions`. Every lookup includes the owner."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def begin(self, response: StoredResponse, owner: str) -> None:
        """Record that it is in progress."""
        await self._connection.execute_fetchall(
            "INSERT INTO responses (id, owner, session, created, body, input, hold) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                response.id,
                owner,
                response.session,
                time.time(),
                json.dumps(response.body),
                json.dumps(response.input),
                response.lease,
            ),
        )

    async def finish(self, response_id: str, checkpoint: str | None, body: dict[str, Any]) -> None:
        """Record its end, successful or not. Has no effect if it was deleted in the meantime."""
        await self._connection.execute_fetchall(
            "UPDATE responses SET checkpoint = ?, body = ? WHERE id = ?", (checkpoint, json.dumps(body), response_id)
        )

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        """None if it does not exist or belongs to another user."""
        rows = await self._connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM responses WHERE id = ? AND owner = ?",  # noqa: S608
            (response_id, owner),
        )
        found = [StoredResponse(r[0], r[1], r[2], json.loads(r[3]), json.loads(r[4]), r[5]) for r in rows]
        return found[0] if found else None

    async def delete(self, response_id: str, owner: str) -> bool:
        """Keeps the conversation. False if there was no such response."""
        rows = await self._connection.execute_fetchall(
            "DELETE FROM responses WHERE id = ? AND owner = ? RETURNING id", (response_id, owner)
        )
        return bool(list(rows))
