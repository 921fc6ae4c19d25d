"""The items of a request → messages of Chat Completions."""

from collections.abc import Awaitable, Callable
from typing import Any

from api.errors import bad_request

OURS = ("reasoning", "code_interpreter_call", "file_search_call", "web_search_call")
"""Items of earlier responses that the model is not told again: the session knows them."""
Find = Callable[[str], Awaitable[dict[str, Any] | None]]


async def read_items(given: str | list[dict[str, Any]], find: Find) -> tuple[list[dict[str, Any]], list[int]]:
    """`(messages, the number of the item that each came from)`. `find` looks up an item by its id.

    Calls in a row become one message. Raises 400 that names the item.
    """
    if isinstance(given, str):
        return [{"role": "user", "content": given}], [0]
    messages: list[dict[str, Any]] = []
    origins: list[int] = []
    for at, item in enumerate(given):
        if item.get("type") == "item_reference":
            found = await find(str(item.get("id")))
            if found is None:
                raise bad_request(f"input.{at}.id: there is no such item", f"input.{at}.id", "not_found")
            item = found  # noqa: PLW2901
        message = _message(item, at)
        if message is None:
            continue
        calls = message.get("tool_calls")
        if calls and messages and messages[-1]["role"] == "assistant" and origins[-1] == at - 1:
            messages[-1].setdefault("tool_calls", []).extend(calls)
            origins[-1] = at
            continue
        messages.append(message)
        origins.append(at)
    return messages, origins


def _message(item: dict[str, Any], at: int) -> dict[str, Any] | None:
    kind = item.get("type") or "message"
    if kind == "message":
        return {"role": item.get("role"), "content": _content(item.get("content"), at)}
    if kind == "function_call":
        function = {"name": item.get("name"), "arguments": item.get("arguments") or "{}"}
        return {"role": "assistant", "content": None, "tool_calls": [{"id": item.get("call_id"), "function": function}]}
    if kind == "function_call_output":
        content = _content(item.get("output"), at)
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": content}
    if kind in OURS:
        return None
    raise bad_request(f"input.{at}.type: {str(kind)[:100]!r} is not understood", f"input.{at}.type")


def _content(content: Any, at: int) -> Any:
    if not isinstance(content, list):
        return content
    return [_part(part, f"input.{at}.content.{place}") for place, part in enumerate(content)]


def _part(part: Any, field: str) -> Any:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "input_image":
        if not isinstance(part.get("image_url"), str):
            raise bad_request(f"{field}.image_url: an image is sent as data:image/…, or by its address", field)
        return {"type": "image_url", "image_url": {"url": part["image_url"], "detail": part.get("detail") or "auto"}}
    if kind == "input_file":
        if not isinstance(part.get("file_data"), str):
            raise bad_request(f"{field}.file_data: a file is sent as base64", field)
        return {"type": "file", "file": {"file_data": part["file_data"], "filename": part.get("filename")}}
    return part
