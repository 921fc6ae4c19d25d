"""Converts a request's messages from OpenAI's roles to LangChain's messages."""

import json
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.messages.tool import tool_call

from api.errors import bad_request
from api.wire.additions import additions
from api.wire.messages import ChatMessage, MessageCall
from nodes.client_tools import NO_RESULT, parsed_arguments

LEGACY_ID = "call_function"
"""ID of a call in the old format, which has none."""


def to_messages(new: Sequence[ChatMessage], start: int, open_calls: Sequence[ToolCall] = ()) -> list[AnyMessage]:
    """The messages to add to the conversation. `new` starts at message number `start` of the request.

    `open_calls` are the calls that the session waits for; each gets a result: for one that the client omits, a note
    that there is none. Raises 400 for a result that matches no call.
    """
    waiting = {call["id"] or "": call["name"] for call in open_calls}
    messages: list[AnyMessage] = []
    for at, message in enumerate(new, start):
        if message.role in ("tool", "function"):
            messages.append(_result(message, at, waiting))
            continue
        messages += _missing(waiting)
        made = _message(message)
        messages.append(made)
        calls = made.tool_calls if isinstance(made, AIMessage) else []
        waiting = {call["id"] or "": call["name"] for call in calls}
    messages += _missing(waiting)
    now = time.time()
    for one in messages:
        one.id = str(uuid.uuid4())
        one.additional_kwargs["created_at"] = now
    return messages


def open_calls(messages: Sequence[AnyMessage]) -> list[ToolCall]:
    """The unanswered calls of the last message."""
    last = messages[-1] if messages else None
    return list(last.tool_calls) if isinstance(last, AIMessage) else []


def calls_of(calls: Iterable[ToolCall]) -> list[dict[str, Any]]:
    """In OpenAI's format."""
    return [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["args"], ensure_ascii=False)},
        }
        for call in calls
    ]


def _message(message: ChatMessage) -> AnyMessage:
    if message.role == "user":
        return HumanMessage(message.text, additional_kwargs=additions(message))
    if message.role != "assistant":
        return SystemMessage(message.text)
    given = message.tool_calls or []
    if message.function_call is not None:
        given = [MessageCall(id=LEGACY_ID, function=message.function_call)]
    calls = [tool_call(name=c.function.name, args=parsed_arguments(c.function.arguments), id=c.id) for c in given]
    return AIMessage(message.text, tool_calls=calls)


def _result(message: ChatMessage, at: int, waiting: dict[str, str]) -> ToolMessage:
    call = LEGACY_ID if message.role == "function" else message.tool_call_id or ""
    if message.role == "function":
        # Only its name tells which call it answers.
        call = next((one for one, name in waiting.items() if name == message.name), call)
    if call not in waiting:
        field = f"messages.{at}.{'name' if message.role == 'function' else 'tool_call_id'}"
        raise bad_request(f"{field}: this matches no call that is waiting for a result", field, "unknown_tool_call")
    return ToolMessage(message.text, tool_call_id=call, name=waiting.pop(call))


def _missing(waiting: dict[str, str]) -> list[AnyMessage]:
    return [ToolMessage(NO_RESULT, tool_call_id=call, name=name) for call, name in waiting.items()]
