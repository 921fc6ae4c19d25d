"""Calls in a model's output, split into pieces in any way; no text is lost."""

import json
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.parsing.tool_calls import CallPiece, CallReader, Words

CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1, "note": "} \\" {"}}\n</tool_call>'
ARGUMENTS = {"a": 1, "note": '} " {'}


def read(text: str, sizes: list[int]) -> tuple[str, list[tuple[str, str]]]:
    reader, parts, at = CallReader({"add"}), [], 0
    for size in [*sizes, len(text)]:
        parts += reader.feed(text[at : at + size])
        at += size
    parts += reader.flush()
    words = "".join(part.text for part in parts if isinstance(part, Words))
    pieces = [part for part in parts if isinstance(part, CallPiece)]
    calls: list[tuple[str, str]] = []
    for index, group in groupby(pieces, key=lambda piece: piece.index):
        first, *rest = list(group)
        assert index == len(calls)
        assert first.id
        assert first.name
        assert not any(piece.id or piece.name for piece in rest)
        calls.append((first.name, first.arguments + "".join(piece.arguments for piece in rest)))
    return words, calls


@given(st.lists(st.integers(1, 9)))
def test_words_and_two_calls_in_any_cutting(sizes: list[int]) -> None:
    words, calls = read(f"I add.\n{CALL}\n{CALL}", sizes)
    assert words.strip() == "I add."
    assert [(name, json.loads(arguments)) for name, arguments in calls] == [("add", ARGUMENTS)] * 2


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "add", "arguments": {"a": 1}}',
        '```json\n{"name": "add", "arguments": {"a": 1}}\n```',
        '<tools>\n{"name": "add", "arguments": {"a": 1}}\n</tools>',
        '{{"name": "add", "arguments": {"a": 1}}}',
        '{{"name": "add", "arguments": {"a": 1}, "response": {"b": "}"}}}',
        '[{"name": "add", "parameters": {"a": 1}}]',
        '<tool_call>\n{"arguments": {"a": 1}, "name": "add"}\n</tool_call>',
        '<tool_call>{"name": "add", "arguments": "{\\"a\\": 1}"}</tool_call>',
        '<tool_call>\n{"name": "add", "arguments": {"a": 1}}',
        '<tool_call>\n{"name": "add", "arguments": {"a": 1}}}\n</tool_call>',
        "<tool_call>{'name': 'add', 'arguments': {'a': 1}}</tool_call>",
        '<tool_call>{name: "add", arguments: {"a": 1}}</tool_call>',
        '<tool_call>{"arguments": {"a": 1}, "name": "add",}</tool_call>',
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_small_models_write_instead(text: str, size: int) -> None:
    words, calls = read(text, [size] * len(text))
    assert [(name, json.loads(arguments)) for name, arguments in calls] == [("add", {"a": 1})]
    assert words == ""


@pytest.mark.parametrize(
    "text",
    [
        "Plain words with a < and a <tool",
        '{"name": "Ann", "age": 3}',
        '```python\nprint({"name": "add"})\n```',
        "{" + "x" * 1000,
        "<tool_call>no JSON</tool_call>",
        "<tool_call>add(1)</tool_call>",
        "<tool_call>{'name': 'add'}</tool_call>",
        "<tool_call>{'name': 'add', 'arguments': [1]}</tool_call>",
        "<tool_call>{'name': 'subtract', 'arguments': {'a': 1}}</tool_call>",
        "<tool_call>{'name': 'add', 'arguments': {'a': 1}",
        '<tool_call>{"name": "ad',
    ],
)
@given(st.lists(st.integers(1, 9)))
def test_what_is_no_call_is_kept_word_for_word(text: str, sizes: list[int]) -> None:
    assert read(text, sizes) == (text, [])


@given(st.lists(st.integers(1, 9)))
def test_two_bare_calls_and_words(sizes: list[int]) -> None:
    words, calls = read('{"name": "add", "arguments": {"a": "1\n"}}\n{"name": "add", "arguments": {}}\nDone.', sizes)
    assert [json.loads(arguments) for _, arguments in calls] == [{"a": "1\n"}, {}]
    assert words == "Done."


def test_arguments_leave_as_they_come() -> None:
    reader = CallReader({"add"})
    parts = [part for char in CALL for part in reader.feed(char)]
    assert len(parts) > 20
    assert parts[0] == CallPiece(0, "", parts[0].id if isinstance(parts[0], CallPiece) else None, "add")


def test_a_call_that_is_cut_off_keeps_what_came() -> None:
    assert read('<tool_call>\n{"name": "add", "arguments": {"a": [1, 2', []) == ("", [("add", '{"a": [1, 2')])
