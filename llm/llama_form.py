"""Which grammar a reply is held to."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llm.json_grammar import grammar_of_calls, grammar_of_format
from llm.tool_binding import Choice, chosen
from llm.tool_calls import CALL_BEGINS


def grammar_for(
    *,
    grammar: str | None = None,
    choices: Sequence[str] | None = None,
    response_format: Mapping[str, Any] | None = None,
    tools: Sequence[dict[str, Any]] = (),
    tool_choice: Choice = "auto",
    parallel_tool_calls: bool = True,
) -> tuple[str | None, str | None]:
    """`(GBNF, the text from which on it holds)`; None for none, and for from the start. Raises `SchemaError`."""
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
    """GBNF that admits exactly these texts."""
    return "root ::= " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)
