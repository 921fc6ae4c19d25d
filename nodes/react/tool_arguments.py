"""Tool calls: collected from a stream, and repaired if they are malformed."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

from langchain_core.messages import ToolCallChunk
from langchain_core.tools import BaseTool
from pydantic import BaseModel

from llm.parsing.broken_json import read_json, repair_object
from tools.purpose import Purposes

_ONE_FIELD = re.compile(r"""\{?\s*["']?(\w+)["']?\s*[:=]\s*(.*)""", re.DOTALL)
_FIELD = re.compile(r"""(?:[{,]\s*|["'])(\w+)["']?\s*[:=]""")
_LONG = re.compile(r'(?<=[:,\[\s])"""(.*?)(?:"""(?=\s*[,}\]])|(\Z))', re.DOTALL)
"""Python's triple-quoted strings, which some models write into JSON; an unclosed one extends to the end."""


@dataclass(slots=True)
class Call:
    """One call as the model made it: `arguments` should be a JSON object, but can be any text."""

    name: str
    arguments: str
    id: str = field(compare=False, default_factory=lambda: f"call_{uuid.uuid4().hex[:24]}")


class Gathered:
    """Call it with the pieces in order."""

    def __init__(self) -> None:
        self._calls: dict[int | str, Call] = {}

    def feed(self, piece: ToolCallChunk) -> None:
        index = piece["index"]
        # A piece without an index is a complete call.
        call = self._calls.setdefault(f"whole {len(self._calls)}" if index is None else index, Call("", ""))
        call.id = piece["id"] or call.id
        call.name += piece["name"] or ""
        call.arguments += piece["args"] or ""

    def all(self) -> list[Call]:
        return [call for call in self._calls.values() if call.name or call.arguments]

    def first(self) -> Call | None:
        """One call is run at a time: the model makes the next one when it has seen the result."""
        return next(iter(self.all()), None)


def resolve(name: str, purposes: Purposes) -> str:
    """The tool meant by a name: ignores case and the prefix `functions.`, and resolves aliases; otherwise the name."""
    plain = name.strip().rpartition(".")[2].casefold()
    if plain in purposes:
        return plain
    return next((tool for tool, purpose in purposes.items() if plain in purpose.aliases), name.strip())


def mended(tool: BaseTool, raw: str) -> dict[str, Any] | None:
    """The arguments, also from JSON that is encoded twice, truncated or broken, or from plain text; otherwise None."""
    given = _loaded(raw)
    if isinstance(given, str):
        given = _loaded(given) if given.lstrip().startswith("{") else given
    if isinstance(given, dict):
        return given
    fields = _fields(tool)
    if isinstance(given, str):
        return {fields[0]: given}
    text = raw.strip()
    one, named = _ONE_FIELD.fullmatch(text), {name for name in _FIELD.findall(text) if name in fields}
    if one and one.group(1) in fields and len(named) <= 1:
        # More exact than a repair: a program in it may contain any quotes and braces.
        return {one.group(1): _unquoted(one.group(2))}
    if text.startswith("{"):
        repaired = repair_object(text)
        return repaired if repaired and set(repaired) <= set(fields) else None
    return {fields[0]: raw} if text and not text.startswith("[") else None


def object_of(raw: str) -> dict[str, Any] | None:
    """The arguments as an object, also from broken JSON; otherwise None."""
    given = _loaded(raw or "{}")
    if isinstance(given, str):
        given = _loaded(given)
    return given if isinstance(given, dict) else repair_object(raw.strip())


def guessed(raw: str, tools: Mapping[str, BaseTool]) -> Call | None:
    """The call that a server could not parse: an object with name and arguments, or arguments that fit only one
    tool.
    """
    given = _loaded(raw.strip().lstrip("["))
    if not isinstance(given, dict) or not given:
        return None
    arguments = given.get("arguments", given.get("parameters"))
    if isinstance(given.get("name"), str) and isinstance(arguments, (dict, str)):
        return Call(given["name"], arguments if isinstance(arguments, str) else json.dumps(arguments))
    fitting = [name for name, tool in tools.items() if set(given) <= set(_fields(tool))]
    return Call(fitting[0], json.dumps(given)) if len(fitting) == 1 else None


def _loaded(text: str) -> Any:
    return read_json(_LONG.sub(_as_json, text))


def _as_json(long: re.Match[str]) -> str:
    return json.dumps(dedent(long[1]).strip("\n")) if long[2] is None else long[0]


def _unquoted(text: str) -> str:
    """A string with wrong quotes or escapes, parsed as far as possible."""
    text = text.strip().removesuffix("}").strip()
    quote = text[:1]
    if quote in ('"', "'") and len(text) > 1:
        text = text[1:].removesuffix(quote)
        text = text.replace("\\n", "\n").replace("\\t", "\t").replace(f"\\{quote}", quote)
    return text


def _fields(tool: BaseTool) -> list[str]:
    schema = tool.args_schema
    assert isinstance(schema, type) and issubclass(schema, BaseModel)
    return list(schema.model_fields)


def as_input(tool: BaseTool, arguments: dict[str, Any]) -> str:
    """The recorded input of a step: the bare text if that is all, otherwise JSON."""
    values = list(arguments.values())
    if len(values) == 1 and isinstance(values[0], str) and arguments_of(tool, values[0]) == arguments:
        return values[0]
    return json.dumps(arguments, ensure_ascii=False)


def arguments_of(tool: BaseTool, text: str) -> dict[str, Any]:
    """A JSON object or `field: value` lines with the tool's own fields; any other text is the first field."""
    fields = _fields(tool)
    if text.lstrip().startswith("{"):
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            given = None
        if isinstance(given, dict) and given and set(given) <= set(fields):
            return given
    lines = [line.partition(":") for line in text.strip().splitlines()]
    if lines and all(colon and name.strip() in fields for name, colon, _ in lines):
        return {name.strip(): value.strip() for name, _, value in lines}
    return {fields[0]: text}
