"""Calls of a client's tools: as the items of Responses, and as the function calls that the model makes."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from llm.parsing.broken_json import repair_object

Kind = Literal["function", "custom", "local_shell"]
CALL_TYPES: dict[str, Kind] = {
    "function_call": "function",
    "custom_tool_call": "custom",
    "local_shell_call": "local_shell",
}
OUTPUT_TYPES = {f"{call}_output" for call in CALL_TYPES}
MAX_NAME = 64
LOCAL_SHELL = "local_shell"


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A tool that the client runs, as it named it."""

    kind: Kind
    name: str
    namespace: str | None = None

    @property
    def function(self) -> str:
        """The name of its function for the model, unique to the namespace."""
        return self.name if self.namespace is None else _joined(self.namespace, self.name)

    def item(self, call_id: str) -> dict[str, Any]:
        """The item of a call, without its input."""
        named = {"name": self.name} | ({} if self.namespace is None else {"namespace": self.namespace})
        match self.kind:
            case "function":
                return {"type": "function_call", "call_id": call_id, **named, "arguments": ""}
            case "custom":
                return {"type": "custom_tool_call", "call_id": call_id, **named, "input": ""}
            case "local_shell":
                return {"type": "local_shell_call", "call_id": call_id, "action": _action({})}


def fill(item: dict[str, Any], arguments: str) -> None:
    """Add the complete arguments of the model's function call to the item of the call."""
    match item["type"]:
        case "custom_tool_call":
            text = (repair_object(arguments) or {}).get("input")
            item["input"] = text if isinstance(text, str) else arguments
        case "local_shell_call":
            item["action"] = _action(repair_object(arguments) or {})
        case _:
            item["arguments"] = arguments


def call_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item of a call, as a tool call of Chat Completions."""
    kind = CALL_TYPES[item["type"]]
    name, namespace = str(item.get("name") or ""), item.get("namespace")
    arguments = item.get("arguments") or "{}"
    if kind == "custom":
        arguments = json.dumps({"input": item.get("input") or ""}, ensure_ascii=False)
    elif kind == "local_shell":
        name, arguments = LOCAL_SHELL, json.dumps(item.get("action") or {}, ensure_ascii=False)
    tool = ClientTool(kind, name, str(namespace) if namespace else None)
    return {"id": item.get("call_id"), "function": {"name": tool.function, "arguments": arguments}}


def _joined(namespace: str, name: str) -> str:
    """A function's name has a limited length and few kinds of characters."""
    joined = f"{namespace}{'' if namespace.endswith('_') else '__'}{name}"
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", joined)
    if plain == joined and len(plain) <= MAX_NAME:
        return plain
    digest = hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{plain[: MAX_NAME - 9]}_{digest}"


def _action(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a local shell is to execute, with the fields that every client expects."""
    command = arguments.get("command")
    optional: dict[str, Callable[[Any], bool]] = {
        "working_directory": lambda value: isinstance(value, str),
        "timeout_ms": lambda value: isinstance(value, int),
    }
    given = {name: arguments[name] for name, valid in optional.items() if valid(arguments.get(name))}
    words = ["bash", "-lc", command] if isinstance(command, str) else list(map(str, command or []))
    return {"type": "exec", "command": words, "env": {}, **given}
