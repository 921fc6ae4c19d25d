import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from nodes.react.tool_arguments import Call, Gathered, arguments_of, as_input, mended, resolve
from tools import TOOLS


class Two(BaseModel):
    """Fields of a tool."""

    query: str
    count: int = Field(default=3)


def tool() -> BaseTool:
    return StructuredTool.from_function(func=str, name="search", description="finds", args_schema=Two)


@pytest.mark.parametrize(
    ("raw", "arguments"),
    [
        ('{"query": "cats", "count": 2}', {"query": "cats", "count": 2}),
        ('"{\\"query\\": \\"cats\\"}"', {"query": "cats"}),
        ('{"query": "two\nlines"}', {"query": "two\nlines"}),
        ('{"query": "cut off', {"query": "cut off"}),
        ('"cats"', {"query": "cats"}),
        ("cats and dogs", {"query": "cats and dogs"}),
        ("query: cats", {"query": "cats"}),
        ("{'query': 'cats\\nand dogs'}", {"query": "cats\nand dogs"}),
        ('{"query": "print("hi")"}', {"query": 'print("hi")'}),
        ("{'query': 'cats', 'count': 2}", {"query": "cats", "count": 2}),
        ('{"query": "cats", "count": 2,}', {"query": "cats", "count": 2}),
        ('{"query": "cats" "count": 2}', {"query": "cats", "count": 2}),
        ('{"query": "cats"}} I search.', {"query": "cats"}),
        ('{"query": """\n  "cats"\n  and dogs\n"""}', {"query": '"cats"\nand dogs'}),
        ('{"query": "cats" "size": 2, "count": 3}', None),
        ("{}", {}),
        ("[1, 2]", None),
        ("", None),
    ],
)
def test_malformed_arguments_are_mended(raw: str, arguments: dict[str, object] | None) -> None:
    assert mended(tool(), raw) == arguments


@given(st.text())
def test_any_arguments_are_read_or_refused(raw: str) -> None:
    found = mended(tool(), raw)
    assert found is None or isinstance(found, dict)


@pytest.mark.parametrize("unit", [" ", '"""[', '\\"#', "query: ", '"query": 1, "count": '])
@pytest.mark.parametrize("begin", ["", '{"query": "', '{"query": 1, "count": "'])
def test_hostile_arguments_take_no_time(begin: str, unit: str) -> None:
    began = time.process_time()
    mended(tool(), begin + unit * (100_000 // len(unit)))
    assert time.process_time() - began < 2


@given(st.fixed_dictionaries({"query": st.text()}, optional={"count": st.integers()}))
def test_what_a_step_is_told_gives_the_arguments_back(arguments: dict[str, object]) -> None:
    assert arguments_of(tool(), as_input(tool(), arguments)) == arguments
    assert mended(tool(), json.dumps(arguments)) == arguments


def test_calls_are_gathered_from_pieces() -> None:
    calls = Gathered()
    assert calls.first() is None
    for piece in (
        tool_call_chunk(name="search", args='{"que', id="a", index=0),
        tool_call_chunk(args='ry": "x"}', index=0),
        tool_call_chunk(name="read", args="{}", id="b", index=1),
    ):
        calls.feed(piece)
    assert calls.first() == Call("search", '{"query": "x"}')
    whole = Gathered()
    whole.feed(tool_call_chunk(name="a", args="{}"))
    whole.feed(tool_call_chunk(name="b", args="{}"))
    assert whole.first() == Call("a", "{}")


def test_names_are_forgiven() -> None:
    purposes = {name: tool.PURPOSE for name, tool in TOOLS.items()}
    assert resolve("functions.Python_Coder", purposes) == "python_coder"
    assert resolve("python", purposes) == "python_coder"
    assert resolve(" magic ", purposes) == "magic"
