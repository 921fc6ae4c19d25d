"""Calls of client tools: made by the model, run by the client, answered in the next turn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolCall, ToolCallChunk, ToolMessage
from langchain_core.messages.tool import tool_call
from langchain_core.runnables import Runnable
from langgraph.runtime import Runtime

from nodes.events import CallDelta
from nodes.state import AgentState, ClientTools, Context, Step
from tools.coding.observation import cut_middle

NO_RESULT = "(The tool gave no result.)"
MAX_RESULT = 4000
"""Maximum characters of a result in an agent's steps."""


CLIENT = "client_tool"
"""The `node` of their steps."""


def name_of(tool: dict[str, Any]) -> str:
    return str(tool["function"]["name"])


def offered(state: AgentState, context: Context) -> ClientTools:
    """The client tools that `route` has offered in this turn; without it, all."""
    given, names = context.client_tools, state.get("offered")
    return given if names is None else replace(given, tools=tuple(t for t in given.tools if name_of(t) in names))


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


def emit_calls(calls: Sequence[ToolCall], runtime: Runtime[Context]) -> None:
    """Send complete calls to the client."""
    for index, call in enumerate(calls):
        runtime.stream_writer(CallDelta(index, "", call["id"], call["name"]))
        runtime.stream_writer(CallDelta(index, json.dumps(call["args"], ensure_ascii=False)))


def parsed_arguments(text: str) -> dict[str, Any]:
    """A call's arguments; if they are not a JSON object, their text."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"arguments": text}


def caller(messages: Sequence[AnyMessage]) -> AIMessage | None:
    """The answer whose calls have just got their results; None if the last message is no result."""
    if not messages or not isinstance(messages[-1], ToolMessage):
        return None
    return next((message for message in reversed(messages) if isinstance(message, AIMessage)), None)


def steps_so_far(messages: Sequence[AnyMessage]) -> list[Step]:
    """The steps of a turn that goes on with the client's results: earlier ones, and one for each result."""
    current = max((at for at, message in enumerate(messages) if isinstance(message, HumanMessage)), default=0)
    steps: list[Step] = []
    told = settled(messages[current:])
    results = {message.tool_call_id: message for message in told if isinstance(message, ToolMessage)}
    for message in told:
        if isinstance(message, AIMessage):
            steps = list(message.additional_kwargs.get("steps", steps))
            for call in message.tool_calls:
                steps.append(_step(len(steps) + 1, call, message, results[call["id"] or ""]))
    return steps


def _step(index: int, call: ToolCall, message: AIMessage, result: ToolMessage) -> Step:
    called = message.additional_kwargs.get("created_at", 0.0)
    return Step(
        index=index,
        node=CLIENT,
        thought=message.text,
        tool=call["name"],
        input=json.dumps(call["args"], ensure_ascii=False),
        observation=cut_middle(result.text, MAX_RESULT),
        error=None,
        started_at=called,
        duration_ms=round((result.additional_kwargs.get("created_at", called) - called) * 1000),
        artifacts=[],
        sources=[],
    )


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
