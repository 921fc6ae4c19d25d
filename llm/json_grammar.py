"""JSON schemas → GBNF grammars: what the embedded model is held to while it writes JSON.

The conversion is llama.cpp's own. Schemas come from strangers, so their size is bounded first: a grammar spells
every repetition out.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llama_cpp.llama_grammar import SchemaConverter
from typing_extensions import override

from llm.errors import SchemaError
from llm.tool_calls import CALL_BEGINS, CALL_ENDS

MAX_NODES = 2000
"""Values in a schema, small and large."""
MAX_DEPTH = 40
MAX_REPEATED = 1000
"""`maxItems` and its like."""
MAX_GRAMMAR = 500_000
COUNTS = ("minItems", "maxItems", "minLength", "maxLength")
_LOOSE_CHAR, _STRICT_CHAR = r'[^"\\] |', r'[^"\\\x7F\x00-\x1F] |'
_ANY_OBJECT: dict[str, Any] = {"type": "object"}


class _Converter(SchemaConverter):  # type: ignore[misc]
    """llama.cpp's, with backslashes in constants kept and no raw line breaks inside strings."""

    def __init__(self) -> None:
        super().__init__(prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False)

    def add(self, rule: str, given: Mapping[str, Any]) -> None:
        """The schema as a rule of this name. Raises `SchemaError`."""
        check_size(given)
        schema = json.loads(json.dumps(given))  # the converter writes into it
        try:
            self._name_refs(schema, rule)
            made = self.visit(schema, "" if rule == "root" else rule)
        except (AssertionError, AttributeError, ValueError, TypeError, LookupError, RecursionError) as error:
            reason = str(error) or type(error).__name__
            raise SchemaError(f"the schema cannot be turned into a grammar: {reason[:200]}") from error
        if made != rule:  # a plain type has a rule of its own name
            self._add_rule(rule, made)

    def _name_refs(self, schema: Any, rule: str) -> None:
        """Each local `$ref` gets a name of its own: two tools may define the same words differently."""
        names: dict[str, str] = {}
        for value, _ in walk(schema):
            if isinstance(value, dict) and isinstance(pointer := value.get("$ref"), str):
                if pointer not in names:
                    names[pointer] = f"{rule}-ref{len(names)}"
                    self._refs[names[pointer]] = _target(schema, pointer)
                value["$ref"] = names[pointer]

    @override
    def _format_literal(self, literal: str) -> str:
        return str(super()._format_literal(literal.replace("\\", "\\\\")))

    @override
    def format_grammar(self) -> str:
        text = str(super().format_grammar()).replace(_LOOSE_CHAR, _STRICT_CHAR)
        if len(text) > MAX_GRAMMAR:
            raise SchemaError("the schema is too large")
        return text


def grammar_of_schema(schema: Mapping[str, Any]) -> str:
    """GBNF, rule `root`, that admits JSON of this schema. Raises `SchemaError`."""
    converter = _Converter()
    converter.add("root", schema)
    return converter.format_grammar()


def grammar_of_format(response_format: Mapping[str, Any]) -> str | None:
    """GBNF for OpenAI's `response_format`; None for plain text. Raises `SchemaError`."""
    match response_format:
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return grammar_of_schema(schema)
        case {"type": "json_object" | "json_schema"}:
            return grammar_of_schema(_ANY_OBJECT)
    return None


def grammar_of_calls(tools: Sequence[Mapping[str, Any]], *, several: bool) -> str:
    """GBNF that admits one call of these tools (OpenAI's form), or several, as `<tool_call>` blocks.

    The arguments of a tool whose schema has no grammar are any object. Raises `SchemaError` for one too large.
    """
    converter, calls = _Converter(), []
    for at, tool in enumerate(tools):
        function, rule = tool["function"], f"tool-{at}"
        schema = function.get("parameters") or _ANY_OBJECT
        check_size(schema)
        try:
            converter.add(rule, schema)
        except SchemaError:
            converter.add(rule, _ANY_OBJECT)
        calls.append(rf'"{{\"name\": " {_quoted(json.dumps(function["name"]))} ", \"arguments\": " {rule} "}}"')
    block = rf'"{CALL_BEGINS}\n" call "\n{CALL_ENDS}"'
    more = rf' ("\n" {block})*' if several else ""
    return f"root ::= {block}{more}\ncall ::= {' | '.join(calls)}\n{converter.format_grammar()}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def check_size(schema: Mapping[str, Any]) -> None:
    """Raise `SchemaError` for a schema that is too large, too deep, or spells too much out."""
    for nodes, (value, depth) in enumerate(walk(schema)):
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise SchemaError(f"the schema is too large: at most {MAX_NODES} values, {MAX_DEPTH} deep")
        if isinstance(value, dict):
            _check_counts(value)


def _check_counts(schema: Mapping[str, Any]) -> None:
    for count in COUNTS:
        if isinstance(wanted := schema.get(count), int) and wanted > MAX_REPEATED:
            raise SchemaError(f"{count} is {wanted}; at most {MAX_REPEATED}")
    if isinstance(pattern := schema.get("pattern"), str):
        try:
            re.compile(pattern)
        except re.error as error:
            raise SchemaError(f"the schema's pattern {pattern[:100]!r} is none: {error}") from error


def walk(schema: Any) -> Iterator[tuple[Any, int]]:
    """Every value in it, with its depth."""
    waiting: list[tuple[Any, int]] = [(schema, 0)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting.extend((child, depth + 1) for child in children)


def _target(schema: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) of this document names. Raises ValueError or LookupError."""
    if not pointer.startswith("#"):
        raise ValueError(f"$ref {pointer[:100]!r} is not in the schema itself")
    for step in pointer[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        schema = schema[int(key)] if isinstance(schema, list) else schema[key]
    return schema
