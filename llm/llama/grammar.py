"""Converts JSON schemas to GBNF grammars, which constrain the embedded model's output.

The conversion is llama.cpp's own. Schemas are untrusted, so their size is limited first: a grammar spells out every
repetition.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llama_cpp.llama_grammar import SchemaConverter
from typing_extensions import override

from llm.errors import SchemaError
from llm.parsing.json_schema import MAX_COUNT, check_size, walk, without_large_counts
from llm.parsing.langchain_tools import Choice, chosen
from llm.parsing.tool_calls import CALL_BEGINS, CALL_ENDS

MAX_GRAMMAR = 500_000
_LOOSE_CHAR, _STRICT_CHAR = r'[^"\\] |', r'[^"\\\x7F\x00-\x1F] |'
_ANY_OBJECT: dict[str, Any] = {"type": "object"}


class _Converter(SchemaConverter):  # type: ignore[misc]
    """llama.cpp's converter, with backslashes in constants preserved and no raw line breaks inside strings."""

    def __init__(self) -> None:
        super().__init__(prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False)

    def add(self, rule: str, given: Mapping[str, Any]) -> None:
        """Add the schema as a rule with this name. Raises `SchemaError`."""
        check_size(given)
        schema = json.loads(json.dumps(given))  # the converter modifies it
        try:
            self._name_refs(schema, rule)
            made = self.visit(schema, "" if rule == "root" else rule)
        except (AssertionError, AttributeError, ValueError, TypeError, LookupError, RecursionError) as error:
            reason = str(error) or type(error).__name__
            raise SchemaError(f"the schema cannot be converted to a grammar: {reason[:200]}") from error
        if made != rule:  # a plain type has its own rule name
            self._add_rule(rule, made)

    def _name_refs(self, schema: Any, rule: str) -> None:
        """Give each local `$ref` its own name: two tools may define the same name differently."""
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
    """GBNF with the rule `root` for JSON of this schema. Raises `SchemaError`."""
    converter = _Converter()
    converter.add("root", schema)
    return converter.format_grammar()


def schema_of_format(response_format: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of OpenAI's `response_format`, which must not be plain text."""
    match response_format:
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return schema
    return _ANY_OBJECT


def grammar_of_format(response_format: Mapping[str, Any]) -> str | None:
    """GBNF for OpenAI's `response_format`; None for plain text. Raises `SchemaError`."""
    if response_format.get("type") == "text":
        return None
    return grammar_of_schema(schema_of_format(response_format))


def grammar_of_calls(
    tools: Sequence[Mapping[str, Any]], *, several: bool, or_else: Mapping[str, Any] | None = None
) -> str:
    """GBNF for one call of these tools (OpenAI's format), or several, as `<tool_call>` blocks; or, instead of calls, an
    answer in the `response_format` `or_else`.

    Counts too large to spell out are dropped from a tool's grammar, and the arguments of a tool whose schema has no
    grammar are any object. Raises `SchemaError` for a schema that is too large.
    """
    converter, calls = _Converter(), []
    for at, tool in enumerate(tools):
        function, rule = tool["function"], f"tool-{at}"
        schema = function.get("parameters") or _ANY_OBJECT
        check_size(schema, MAX_COUNT)
        try:
            converter.add(rule, without_large_counts(schema))
        except SchemaError:
            converter.add(rule, _ANY_OBJECT)
        calls.append(rf'"{{\"name\": " {_quoted(json.dumps(function["name"]))} ", \"arguments\": " {rule} "}}"')
    block = rf'"{CALL_BEGINS}\n" call "\n{CALL_ENDS}"'
    more = rf' ("\n" {block})*' if several else ""
    answer = ""
    if or_else is not None:
        converter.add("answer", schema_of_format(or_else))
        answer = " | answer"
    return f"root ::= {block}{more}{answer}\ncall ::= {' | '.join(calls)}\n{converter.format_grammar()}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _target(schema: Any, pointer: str) -> Any:
    """The target of a JSON pointer (RFC 6901) in this document. Raises ValueError or LookupError."""
    if not pointer.startswith("#"):
        raise ValueError(f"$ref {pointer[:100]!r} does not refer to the schema itself")
    for step in pointer[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        schema = schema[int(key)] if isinstance(schema, list) else schema[key]
    return schema


def grammar_for(
    *,
    grammar: str | None = None,
    choices: Sequence[str] | None = None,
    response_format: Mapping[str, Any] | None = None,
    tools: Sequence[dict[str, Any]] = (),
    tool_choice: Choice = "auto",
    parallel_tool_calls: bool = True,
) -> tuple[str | None, str | None]:
    """`(GBNF, trigger text)`: None for no grammar, and for a grammar that applies from the start. Raises
    `SchemaError`.
    """
    if choices:
        return grammar_of(choices), None
    if tools and tool_choice != "none":
        formed = response_format is not None and response_format.get("type") != "text"
        calls = grammar_of_calls(
            chosen(tools, tool_choice),
            several=parallel_tool_calls,
            or_else=response_format if formed and tool_choice == "auto" else None,
        )
        return calls, CALL_BEGINS if tool_choice == "auto" and not formed else None
    if response_format is not None:
        return grammar_of_format(response_format), None
    return grammar, None


def grammar_of(choices: Sequence[str]) -> str:
    """GBNF for exactly these texts."""
    return "root ::= " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)
