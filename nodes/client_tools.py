"""Calls of client tools: made by the model, run by the client, answered in the next turn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolCall, ToolCallChunk, ToolMessage
from langchain_core.messages.tool import tool_call
from langchain_core.runnables import Runnable
from langgraph.runtime import Runtime

from nodes.events import CallDelta
from nodes.state import Context

NO_RESULT = "(The tool gave no result.)"


def bound(context: Context) -> Runnable[LanguageModelInput, AIMessage] | None:
    """The model with the client's tools bound; None if there are none."""
    given = context.client_tools
    if not given.tools:
        return None
    choice: Any = given.choice
    return context.model.bind_tools(list(given.tools), tool_choice=choice, parallel_tool_calls=given.parallel)


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    arguments: str = ""


class Calls:
    """Collects streamed calls. With `hold` they are sent at `release`. If the client wants one call at a time, only the
    first counts, because not every server enforces this.
    """

    def __init__(self, runtime: Runtime[Context], *, hold: bool) -> None:
        self._emit = runtime.stream_writer
        self._parallel = runtime.context.client_tools.parallel
        self._full = False
        self._held: list[CallDelta] | None = [] if hold else None
        self._calls: list[_Call] = []

    def piece(self, piece: ToolCallChunk) -> None:
        """A piece with its own ID starts a call."""
        written = piece["args"] or ""
        begins = piece["id"] and (not self._calls or self._calls[-1].id != piece["id"])
        self._full = self._full or bool(begins and self._calls and not self._parallel)
        if self._full:
            return
        if piece["id"] and begins:
            self._calls.append(_Call(piece["id"], piece["name"] or ""))
            self._send(CallDelta(len(self._calls) - 1, "", piece["id"], piece["name"] or ""))
        if written and self._calls:
            self._calls[-1].arguments += written
            self._send(CallDelta(len(self._calls) - 1, written))

    def release(self) -> None:
        held, self._held = self._held or [], None
        for delta in held:
            self._emit(delta)

    def whole(self) -> list[ToolCall]:
        """All calls as sent to the client, which also answers malformed ones."""
        return [tool_call(name=call.name, args=parsed_arguments(call.arguments), id=call.id) for call in self._calls]

    def _send(self, delta: CallDelta) -> None:
        if self._held is None:
            self._emit(delta)
        else:
            self._held.append(delta)


def parsed_arguments(text: str) -> dict[str, Any]:
    """A call's arguments; if they are not a JSON object, their text."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"arguments": text}


def called_before(messages: Sequence[AnyMessage]) -> list[tuple[str, Any]]:
    """Name and arguments of the calls since the last user message, if their results have just arrived."""
    if not messages or not isinstance(messages[-1], ToolMessage):
        return []
    current = max((at for at, message in enumerate(messages) if isinstance(message, HumanMessage)), default=0)
    calls = [call for message in messages[current:] if isinstance(message, AIMessage) for call in message.tool_calls]
    return [(call["name"], call["args"]) for call in calls]


def settled(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Each call followed by one result: missing results are marked as such, results that match no call are dropped."""
    told: list[AnyMessage] = []
    for at, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            continue
        told.append(message)
        calls = message.tool_calls if isinstance(message, AIMessage) else []
        behind = takewhile(lambda later: isinstance(later, ToolMessage), messages[at + 1 :]) if calls else ()
        results = {result.tool_call_id: result for result in behind if isinstance(result, ToolMessage)}
        for call in calls:
            missing = ToolMessage(NO_RESULT, tool_call_id=call["id"] or "", name=call["name"])
            told.append(results.get(call["id"] or "", missing))
    return told
