"""Encodes a run's events as the typed events of a streamed response. Each event is folded once, and each output event
is numbered.
"""

from collections.abc import Mapping
from typing import Any

from api.errors import ApiError
from api.wire.answer import Answer
from api.wire.responses_body import ResponseBody
from api.wire.responses_calls import ClientTool
from api.wire.responses_items import Items
from nodes.events import Event

Told = list[dict[str, Any]]


class ResponseEvents:
    """Call `begin`, then `event` for each event of the run, then `end` or `failed`."""

    def __init__(self, body: ResponseBody, session_id: str, tools: Mapping[str, ClientTool]) -> None:
        """`tools` are the client's, by the names of their functions."""
        self.body = body
        self._items = Items(body.id, session_id, tools)
        self._number = 0

    def begin(self) -> Told:
        begun = self.body.begun()
        return self._numbered([{"type": f"response.{kind}", "response": begun} for kind in ("created", "in_progress")])

    def event(self, event: Event) -> Told:
        return self._numbered(self._items.feed(event))

    def end(self, answer: Answer) -> Told:
        """The answer is complete; `body.ended` has the response."""
        told = self._items.close(answer)
        ended = self.body.ended(self._items.output, answer)
        return self._numbered([*told, {"type": f"response.{ended['status']}", "response": ended}])

    def failed(self, error: ApiError | None) -> Told:
        """The run was cut off; None: its client disconnected."""
        return self._numbered([{"type": "response.failed", "response": self.response_failed(error)}])

    def response_failed(self, error: ApiError | None) -> dict[str, Any]:
        """The failed response with the output so far."""
        return self.body.failed(error, self._items.output)

    def _numbered(self, events: Told) -> Told:
        first = self._number
        self._number += len(events)
        return [
            {"type": event["type"], "sequence_number": number, **event} for number, event in enumerate(events, first)
        ]
