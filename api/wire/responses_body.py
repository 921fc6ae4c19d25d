"""The object of a response, in any of its states."""

import time
from collections.abc import Sequence
from typing import Any

from api.errors import ApiError
from api.wire.answer import Answer
from api.wire.responses_items import item_id
from api.wire.responses_request import ResponsesRequest

STATUS = {"length": "incomplete", "stop": "completed", "tool_calls": "completed"}
PLAIN = {"type": "text"}


class ResponseBody:
    """The constant fields of a response, and its final states."""

    def __init__(
        self, response_id: str, asked: ResponsesRequest, model: str, session_id: str, dropped: Sequence[str] = ()
    ) -> None:
        """`dropped` are the types of tools that were left out, which the metadata lists."""
        self.id = response_id
        self._ended: dict[str, Any] | None = None
        self._head: dict[str, Any] = {
            "id": response_id,
            "object": "response",
            "created_at": int(time.time()),
            "completed_at": None,
            "status": "in_progress",
            "background": asked.background,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "max_tool_calls": None,
            "model": model,
            "output": [],
            "parallel_tool_calls": asked.parallel_tool_calls,
            "previous_response_id": asked.previous_response_id,
            "conversation": {"id": session_id} if session_id else None,
            "reasoning": {"effort": asked.reasoning.effort, "summary": asked.reasoning.summary},
            "store": asked.store,
            "temperature": 1.0 if asked.temperature is None else asked.temperature,
            "top_p": 1.0 if asked.top_p is None else asked.top_p,
            "presence_penalty": asked.presence_penalty or 0,
            "frequency_penalty": asked.frequency_penalty or 0,
            "top_logprobs": 0,
            "text": {"format": asked.text.format or PLAIN, "verbosity": asked.text.verbosity or "medium"},
            "tool_choice": asked.tool_choice,
            "tools": [_tool(tool) for tool in asked.tools],
            "truncation": asked.truncation,
            "service_tier": "default",
            "safety_identifier": None,
            "prompt_cache_key": None,
            "usage": None,
            "user": asked.user,
            "metadata": asked.metadata | ({"dropped_tools": ", ".join(dropped)} if dropped else {}),
            "x_session_id": session_id or None,
        }

    def begun(self) -> dict[str, Any]:
        return dict(self._head)

    def ended(self, output: list[dict[str, Any]], answer: Answer) -> dict[str, Any]:
        """Deterministic: the stored response equals the one that the client received."""
        if self._ended is None:
            self._ended = self._end(output, answer)
        return self._ended

    def _end(self, output: list[dict[str, Any]], answer: Answer) -> dict[str, Any]:
        status = STATUS.get(answer.finish_reason, "completed")
        cut = {"reason": "max_output_tokens"} if status == "incomplete" else None
        return {
            **self._head,
            "status": status,
            "completed_at": int(time.time()),
            "incomplete_details": cut,
            "output": output,
            "usage": _usage(answer),
            "x_agent_metadata": answer.metadata(),
        }

    def failed(self, error: ApiError | None, output: list[dict[str, Any]]) -> dict[str, Any]:
        """Cancelled if that is the error, or if its client disconnected; with the output so far."""
        if error is None or error.code == "run_cancelled":
            return {**self._head, "output": output, "status": "cancelled"}
        told = {"code": error.code or "server_error", "message": error.message}
        return {**self._head, "output": output, "status": "failed", "error": told}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": None, "strict": False, **tool} if tool.get("type") == "function" else tool


def _usage(answer: Answer) -> dict[str, Any]:
    used = answer.usage()
    return {
        "input_tokens": used["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": used["prompt_tokens_details"]["cached_tokens"]},
        "output_tokens": used["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": used["total_tokens"],
    }


INPUT_ITEMS = 0x8000
"""Input items are numbered from here on."""


def input_items(response_id: str, given: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The input items, each with an ID."""
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    shown = []
    for at, item in enumerate(items):
        kind = item.get("type") or "message"
        own = item_id("message", response_id, INPUT_ITEMS + at)
        made = {"type": kind, **item, "id": item.get("id") or own}
        if kind == "message":
            part = "output_text" if item.get("role") == "assistant" else "input_text"
            content = item.get("content")
            made["content"] = [{"type": part, "text": content}] if isinstance(content, str) else content
        shown.append(made)
    return shown
