"""`bind_tools` and `response_format` on a tiny model with random weights, which only makes sense with a grammar."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage

from llm.errors import SchemaError
from llm.llamacpp import LlamaCppChat, build
from llm.settings import LlamaCppSettings
from tests.llm.llama.tiny_gguf import CHAT, text_model

TOOLS_CHAT = "{% for t in tools or [] %}{{ t | tojson }} <tool_call>{% endfor %}" + CHAT
HELLO = [HumanMessage("hello")]


def tool(name: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}


PAINT, SING = tool("paint", colour={"enum": ["red"]}, times={"const": 2}), tool("sing")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCppChat]:
    path = text_model(tmp_path_factory.mktemp("model") / "model.gguf", TOOLS_CHAT)
    model = build(LlamaCppSettings(model_path=path, n_ctx=1024, parallel=1))
    yield model
    model.close()


@pytest.mark.parametrize("choice", ["paint", {"type": "function", "function": {"name": "paint"}}])
async def test_a_named_tool_is_called_and_in_its_form(tiny: LlamaCppChat, choice: Any) -> None:
    bound = tiny.bind_tools([PAINT, SING], tool_choice=choice, parallel_tool_calls=False)
    message = await bound.ainvoke(HELLO)
    assert message.text == ""
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("paint", {"colour": "red", "times": 2})]
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert message.usage_metadata is not None


async def test_any_tool_is_called_and_streamed(tiny: LlamaCppChat) -> None:
    bound = tiny.bind_tools([PAINT, SING], tool_choice="any", parallel_tool_calls=False)
    chunks = [chunk async for chunk in bound.astream(HELLO)]
    pieces = [piece for chunk in chunks if isinstance(chunk, AIMessageChunk) for piece in chunk.tool_call_chunks]
    assert pieces[0]["name"] in ("paint", "sing")
    assert pieces[0]["id"]
    assert not any(piece["name"] or piece["id"] for piece in pieces[1:])
    assert json.loads("".join(piece["args"] or "" for piece in pieces)) is not None


async def test_a_call_cut_off_by_the_limit_is_an_invalid_one(tiny: LlamaCppChat) -> None:
    message = await tiny.bind_tools([PAINT], tool_choice="paint").ainvoke(HELLO, max_tokens=55)
    assert message.response_metadata["finish_reason"] == "length"
    assert message.tool_calls == []
    assert [call["name"] for call in message.invalid_tool_calls] == ["paint"]


async def test_calls_and_results_go_back_to_the_model(tiny: LlamaCppChat) -> None:
    call = {"name": "sing", "args": {}, "id": "c1"}
    talk = [*HELLO, AIMessage("", tool_calls=[call]), ToolMessage("la", tool_call_id="c1")]
    assert (await tiny.bind_tools([SING]).ainvoke(talk, max_tokens=3)).usage_metadata is not None
    assert (await tiny.ainvoke(talk, max_tokens=3)).usage_metadata is not None


async def test_a_tool_of_nobody_and_a_schema_of_no_measure_are_refused(tiny: LlamaCppChat) -> None:
    with pytest.raises(ValueError, match="names 'dance'"):
        tiny.bind_tools([SING], tool_choice="dance")
    wide = tool("wide", x={"type": "string", "maxLength": 10**9})
    with pytest.raises(SchemaError, match="maxLength"):
        await tiny.bind_tools([wide]).ainvoke(HELLO)


async def test_a_bound_too_large_for_a_grammar_does_not_keep_a_tool_from_being_called(tiny: LlamaCppChat) -> None:
    """Regression: a tool whose argument may have 2,000 characters ended every run with native tools."""
    wide = tool("wide", colour={"const": "red", "maxLength": 2000})
    message = await tiny.bind_tools([wide], tool_choice="any", parallel_tool_calls=False).ainvoke(HELLO)
    assert message.tool_calls[0]["args"] == {"colour": "red"}


async def test_an_answer_is_held_to_a_schema(tiny: LlamaCppChat) -> None:
    schema = {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]}
    wish = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
    assert json.loads((await tiny.ainvoke(HELLO, response_format=wish)).text) == {"city": "Oslo"}
