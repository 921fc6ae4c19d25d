"""The tools of a Responses request: the client's, as functions for the model, and the service's own.

Clients define more kinds of tools than functions: groups of them (`namespace`), tools with free text as their input
(`custom`), and a shell with a fixed schema (`local_shell`). The model gets all of them as functions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.errors import bad_request
from api.wire.responses_calls import CALL_TYPES, LOCAL_SHELL, ClientTool
from tools.names import FILE_ANALYZER, PYTHON_CODER, RAG_RETRIEVER, READ_PAGE, WEB_SEARCH

BUILT_IN: dict[str, tuple[str, ...]] = {
    "code_interpreter": (PYTHON_CODER,),
    "file_search": (RAG_RETRIEVER, FILE_ANALYZER),
    "web_search": (WEB_SEARCH, READ_PAGE),
    "web_search_preview": (WEB_SEARCH, READ_PAGE),
}
"""OpenAI's tools and the service's equivalents."""
CLIENT_KINDS = tuple(CALL_TYPES.values())
SHELL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "command": {"type": "array", "items": {"type": "string"}, "description": "The program and its arguments."},
        "working_directory": {"type": "string"},
        "timeout_ms": {"type": "integer"},
    },
    "required": ["command"],
}


@dataclass(slots=True)
class ToolSet:
    """The tools of one request."""

    own: dict[str, ClientTool] = field(default_factory=dict)
    """The client's, by the names of their functions."""
    functions: list[dict[str, Any]] = field(default_factory=list)
    """The same, in the format of Chat Completions."""
    origins: list[str] = field(default_factory=list)
    """The field of the request that each function comes from."""
    service: dict[str, frozenset[str]] = field(default_factory=dict)
    """The service's tools, by the type that names them in the request."""
    dropped: list[str] = field(default_factory=list)
    """The types that were left out beside the client's tools."""

    @property
    def ours(self) -> frozenset[str] | None:
        """Names of the service's tools that the turn may use; None: all."""
        return frozenset().union(*self.service.values()) if self.service else None

    def add(self, tool: ClientTool, function: dict[str, Any], origin: str) -> None:
        self.own[tool.function] = tool
        self.functions.append({"type": "function", "function": {"name": tool.function, **function}})
        self.origins.append(origin)


def read_tools(given: Sequence[tuple[str, dict[str, Any]]]) -> ToolSet:
    """The tools of a request, each with the name of its field.

    Beside the client's tools, the service's tools and unknown types are dropped. Otherwise, unknown types raise 400.
    """
    tools, unknown = ToolSet(), list[tuple[str, str]]()
    for origin, tool in _flat(given):
        kind = str(tool.get("type"))[:100]
        if kind in CLIENT_KINDS:
            tools.add(*_function(tool), origin)
        elif kind in BUILT_IN:
            tools.service[kind] = frozenset(BUILT_IN[kind])
        else:
            unknown.append((origin, kind))
    if tools.own:
        tools.dropped = list(dict.fromkeys([*tools.service, *(kind for _, kind in unknown)]))
        tools.service = {}
    elif unknown:
        origin, kind = unknown[0]
        known = ", ".join([*CLIENT_KINDS, "namespace", *BUILT_IN])
        raise bad_request(f"{origin}.type: {kind!r} is not one of {known}", f"{origin}.type", "unsupported_tool")
    return tools


def _flat(given: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tools, with those of a namespace in its place. The first tool of a namespace has its description too."""
    for origin, tool in given:
        if tool.get("type") != "namespace":
            yield origin, {**tool, "namespace": None}
            continue
        inner = tool.get("tools")
        if not isinstance(inner, list) or not all(isinstance(one, dict) for one in inner):
            raise bad_request(f"{origin}.tools: a namespace needs a list of tools", f"{origin}.tools")
        about = str(tool.get("description") or "")
        for at, one in enumerate(inner):
            described = "\n".join(filter(None, [about, one.get("description")]))
            yield f"{origin}.tools.{at}", {**one, "namespace": str(tool.get("name")), "description": described}
            about = ""


def _function(tool: Mapping[str, Any]) -> tuple[ClientTool, dict[str, Any]]:
    """The tool, and its function without the name."""
    kind, namespace = tool["type"], tool["namespace"]
    if kind == "function":
        kept = {key: tool[key] for key in ("description", "parameters", "strict") if tool.get(key) is not None}
        return ClientTool("function", str(tool.get("name") or ""), namespace), kept
    if kind == "custom":
        function = {"description": tool.get("description") or "", "parameters": _text_schema(tool.get("format"))}
        return ClientTool("custom", str(tool.get("name") or ""), namespace), function
    about = "Runs a command on the user's computer and returns its output."
    return ClientTool("local_shell", LOCAL_SHELL), {"description": about, "parameters": SHELL_SCHEMA}


def _text_schema(form: Any) -> dict[str, Any]:
    """The parameters of a tool whose input is free text."""
    about = "The complete input, as plain text."
    if isinstance(form, dict) and form.get("type") == "grammar":
        about = f"{about} It must match this {form.get('syntax')} grammar:\n{form.get('definition')}"
    text = {"type": "string", "description": about}
    return {"type": "object", "properties": {"input": text}, "required": ["input"], "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Which tools the model may or must use."""

    functions: Any
    """In the format of Chat Completions."""
    ours: frozenset[str] | None = None
    """The service's tools to which the turn is restricted."""
    must: bool = False
    """One of the service's tools must be used."""


def choice_of(choice: str | dict[str, Any], tools: ToolSet) -> ToolChoice:
    """Raises 400 for a tool that the request does not define."""
    if isinstance(choice, str):
        return ToolChoice(choice, must=bool(tools.service) and choice == "required")
    if choice.get("type") != "allowed_tools":
        names, ours = _named(choice, tools, "tool_choice")
        if ours:
            return ToolChoice("auto", ours, must=True)
        return ToolChoice({"type": "function", "function": {"name": names[0]}})
    mode, allowed = choice.get("mode", "auto"), choice.get("tools")
    if mode not in ("auto", "required"):
        raise bad_request("tool_choice.mode: use auto or required", "tool_choice.mode")
    if not isinstance(allowed, list) or not all(isinstance(one, dict) for one in allowed):
        raise bad_request("tool_choice.tools: send a list of tools", "tool_choice.tools")
    functions, service = list[str](), frozenset[str]()
    for at, one in enumerate(allowed):
        if tools.own and one.get("type") in tools.dropped:
            continue
        names, ours = _named(one, tools, f"tool_choice.tools.{at}")
        functions += names
        service |= ours
    if service:
        return ToolChoice("auto", service, must=mode == "required")
    if not functions:
        raise bad_request("tool_choice.tools: none of these tools is available", "tool_choice.tools")
    named = [{"type": "function", "function": {"name": name}} for name in functions]
    return ToolChoice({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}})


def _named(choice: Mapping[str, Any], tools: ToolSet, param: str) -> tuple[list[str], frozenset[str]]:
    """`(functions, the service's tools)` that a choice names; one of the two is empty. Raises 400 if it names none."""
    kind, name, namespace = str(choice.get("type"))[:100], choice.get("name"), choice.get("namespace")
    if kind in tools.service:
        return [], tools.service[kind]
    if kind == "namespace":
        found = [function for function, tool in tools.own.items() if tool.namespace == name]
    elif kind == LOCAL_SHELL:
        found = [function for function, tool in tools.own.items() if tool.kind == LOCAL_SHELL]
    else:
        alike = {function: tool for function, tool in tools.own.items() if (tool.kind, tool.name) == (kind, name)}
        found = [function for function, tool in alike.items() if namespace in (None, tool.namespace)][:1]
    if not found:
        what = repr(str(name)[:100]) if name else repr(kind)
        raise bad_request(f"{param}: {what} is not in tools", param)
    return found, frozenset()
