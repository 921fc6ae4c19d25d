"""Schemas as grammars, checked with llama.cpp's own parser on a tiny model; hostile ones are refused with a message."""

from collections.abc import Iterator
from typing import Any

import pytest

from llm.errors import SchemaError
from llm.llama.grammar import grammar_of_calls, grammar_of_format, grammar_of_schema
from llm.llama.native import NativeModel, Sampling
from llm.settings import LlamaCppSettings
from tests.llm.llama.tiny_gguf import text_model
from tools import TOOLS


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NativeModel]:
    path = text_model(tmp_path_factory.mktemp("model") / "model.gguf")
    model = NativeModel(path, LlamaCppSettings(n_ctx=512, parallel=1))
    yield model
    model.close()


def parses(native: NativeModel, grammar: str) -> bool:
    native.free_sampler(native.sampler(Sampling(grammar=grammar)))
    return True


SCHEMAS: dict[str, Any] = {
    "plain": {"type": "integer"},
    "object": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}, "required": ["a"]},
    "awkward words": {"type": "object", "properties": {'q"\\\n': {"enum": ['say "hi"\\', "a\nb"]}}},
    "refs": {
        "$defs": {"node": {"properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}},
        "$ref": "#/$defs/node",
    },
    "pattern": {"type": "string", "pattern": "^[a-z]{2,4}$"},
    "anything": {},
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_a_schema_has_a_grammar(native: NativeModel, schema: dict[str, Any]) -> None:
    assert parses(native, grammar_of_schema(schema))


def test_the_agent_s_own_tools_have_a_grammar(native: NativeModel) -> None:
    tools = [{"function": {"name": name, "parameters": tool.INPUT.model_json_schema()}} for name, tool in TOOLS.items()]
    assert parses(native, grammar_of_calls(tools, several=True))


def test_two_tools_may_define_the_same_word(native: NativeModel) -> None:
    def tool(name: str, word: str) -> dict[str, Any]:
        schema = {"properties": {"x": {"$ref": "#/$defs/Kind"}}, "$defs": {"Kind": {"enum": [word]}}}
        return {"function": {"name": name, "parameters": schema}}

    grammar = grammar_of_calls([tool("a", "first"), tool("b", "second")], several=False)
    assert parses(native, grammar)
    assert "first" in grammar
    assert "second" in grammar


def test_a_count_too_large_for_a_grammar_is_left_out_of_a_tool(native: NativeModel) -> None:
    def grammar(**more: Any) -> str:
        parameters = {"properties": {"words": {"type": "array", "items": {"type": "string", **more}, **more}}}
        return grammar_of_calls([{"function": {"name": "wide", "parameters": parameters}}], several=False)

    assert grammar(maxItems=1001, maxLength=1_000_000) == grammar()
    assert grammar(maxItems=7) != grammar()
    with pytest.raises(SchemaError, match="at most 1000000"):
        grammar(maxLength=1_000_001)
    with pytest.raises(SchemaError, match="at most 1000"):
        grammar_of_schema({"type": "string", "maxLength": 1001})


def test_tools_have_a_grammar_each_with_its_own_definitions(native: NativeModel) -> None:
    tools = [{"function": {"name": f"tool{at}", "parameters": schema}} for at, schema in enumerate(SCHEMAS.values())]
    tools.append({"function": {"name": "odd", "parameters": {"type": "unheard of"}}})
    tools.append({"function": {"name": "bare"}})
    assert parses(native, grammar_of_calls(tools, several=True))
    assert parses(native, grammar_of_calls(tools[:1], several=False))


DEEP: dict[str, Any] = {}
for _ in range(100):
    DEEP = {"properties": {"a": DEEP}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "maxItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"enum": list(range(10_000))},
        DEEP,
        {"type": "unheard of"},
        {"$ref": "#/nowhere"},
        {"$ref": "https://example.org/schema.json"},
        {"type": "string", "pattern": "^(((a)$"},
        {"properties": 3},
        {"properties": {"a": {"$ref": "#/properties/b"}}},
    ],
)
def test_a_schema_without_a_grammar_is_refused_in_words(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match=r"schema|at most"):
        grammar_of_schema(schema)


def test_formats() -> None:
    assert grammar_of_format({"type": "text"}) is None
    assert "object" in str(grammar_of_format({"type": "json_object"}))
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    assert "city" in str(grammar_of_format({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}))
