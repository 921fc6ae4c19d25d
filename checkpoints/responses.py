"""Responses of `/v1/responses`: each names the end of a turn, from which any number of others can go on."""

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
    """Of the thread as the turn left it; None before its end, and when it was cut off."""
    body: dict[str, Any]
    input: list[dict[str, Any]]
    lease: str
    """The id of the lease under which it is, or was, worked on."""


class Responses:
    """Rows of `responses`; each statement is one call, see `Sessions`. Every look-up names the owner."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def begin(self, response: StoredResponse, owner: str) -> None:
        """It is being worked on."""
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
        """It has ended, well or badly. Nothing happens when it was deleted meanwhile."""
        await self._connection.execute_fetchall(
            "UPDATE responses SET checkpoint = ?, body = ? WHERE id = ?", (checkpoint, json.dumps(body), response_id)
        )

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        """None when there is none, and when it is somebody else's."""
        rows = await self._connection.execute_fetchall(
            f"SELECT {_COLUMNS} FROM responses WHERE id = ? AND owner = ?",  # noqa: S608
            (response_id, owner),
        )
        found = [StoredResponse(r[0], r[1], r[2], json.loads(r[3]), json.loads(r[4]), r[5]) for r in rows]
        return found[0] if found else None

    async def delete(self, response_id: str, owner: str) -> bool:
        """The conversation stays as it is. False when there was none."""
        rows = await self._connection.execute_fetchall(
            "DELETE FROM responses WHERE id = ? AND owner = ? RETURNING id", (response_id, owner)
        )
        return bool(list(rows))
