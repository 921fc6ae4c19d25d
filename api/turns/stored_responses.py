"""Stored responses: recorded at their start and end, and looked up for their owner."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from api.errors import ApiError, to_api_error
from api.runs.event_log import WireLog
from api.runs.run import Emit, Run, Work
from api.turns.turn import OutsideTurn, Turn
from api.wire.responses_events import ResponseEvents
from api.wire.responses_items import response_of
from checkpoints.leases import Leases
from checkpoints.responses import Responses, StoredResponse
from checkpoints.users import User
from llm.errors import ModelError
from nodes.events import Event
from workspace.errors import WorkspaceError

LEFT = {"code": "server_error", "message": "The service stopped while it was working on this response. Try again."}


@dataclass(frozen=True, slots=True)
class StoredResponses:
    """The table's rows, restricted to their owners."""

    rows: Responses
    leases: Leases

    async def find(self, response_id: str, user: User) -> StoredResponse | None:
        """The user's response in its current state; None if it does not exist or belongs to another user.

        A response whose process has died is reported as failed.
        """
        found = await self.rows.get(response_id, user.id)
        if found is None or not _under_way(found) or await self.leases.held(found.session, found.lease):
            return found
        found = await self.rows.get(response_id, user.id)  # it may have ended between the two lookups
        if found is None or not _under_way(found):
            return found
        return replace(found, body={**found.body, "status": "failed", "error": LEFT})

    async def item(self, item_id: str, user: User) -> dict[str, Any] | None:
        """An item of the output of one of the user's responses."""
        stored = await self.rows.get(response_of(item_id), user.id)
        return next((one for one in stored.body["output"] if one["id"] == item_id), None) if stored else None


class ResponseRun:
    """Runs a turn as a response: folds its events as they come, and stores the result."""

    def __init__(self, inner: Work, turn: Turn | OutsideTurn, events: ResponseEvents, rows: Responses | None) -> None:
        self.log = WireLog()
        """The events for a streaming client. It ends after the run, when the session is free again."""
        self._inner = inner
        self._turn = turn
        self._events = events
        self._rows = rows
        self._run: Run | None = None
        self._last: list[dict[str, Any]] = []
        self._tell(events.begin())

    async def work(self, emit: Emit) -> None:
        error: ApiError | None = ApiError(500, "An internal error occurred.", kind="server_error")
        complete = False

        def both(event: Event) -> None:
            emit(event)
            self._tell(self._events.event(event))

        try:
            await self._inner(both)
            self._last = self._events.end(self._turn.answer)
            complete = True
        except asyncio.CancelledError:
            why = self._run.stopped_by if self._run is not None else None
            error = to_api_error(why) if why is not None else None
            raise
        except (ApiError, ModelError, WorkspaceError) as known:
            error = to_api_error(known)
            raise
        finally:
            if self._rows is not None:
                final = self.response if complete else self._events.response_failed(error)
                await self._rows.finish(self._events.body.id, self._turn.checkpoint, final)

    @property
    def response(self) -> dict[str, Any]:
        """Only valid once it is complete."""
        response: dict[str, Any] = self._last[-1]["response"]
        return response

    def follow(self, run: Run) -> None:
        """Emit the last events when the run has ended."""
        self._run = run
        run.when_ended(lambda: self._end(run))

    def _end(self, run: Run) -> None:
        self._tell(self._last if run.error is None else self._events.failed(to_api_error(run.error)))
        self.log.close()

    def _tell(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            self.log.append(event)


def _under_way(response: StoredResponse) -> bool:
    return bool(response.body["status"] == "in_progress")
