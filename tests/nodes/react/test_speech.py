"""A native reply on its way to a person: the program while it is written, and nothing twice."""

import json

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from llm.scripted import ScriptedChat
from nodes.events import ThoughtDelta
from nodes.react.speech import StringReader
from tests.agent import Agent

PROGRAM = 'x = "é\\n"\nprint(6 * 7)  # \t\U0001f600'


@given(st.text(), st.booleans(), st.lists(st.integers(1, 7)))
def test_a_string_is_read_however_its_json_is_cut(text: str, ascii_only: bool, sizes: list[int]) -> None:
    written, reader, got = json.dumps({"code": text, "more": "x"}, ensure_ascii=ascii_only), StringReader(), ""
    at = 0
    for size in [*sizes, len(written)]:
        got, at = got + reader.feed(written[at : at + size]), at + size
    assert got == text


@given(st.text())
def test_what_is_no_object_gives_nothing_and_never_raises(text: str) -> None:
    reader = StringReader()
    reader.feed(text)
    assert StringReader().feed(f"[{text}") == ""


async def test_a_native_program_streams_while_it_is_written(agent: Agent, model: ScriptedChat) -> None:
    model.native_tools = True
    call = {"name": "python_coder", "args": {"code": PROGRAM}, "id": "c"}
    model.replies = [AIMessage("I multiply.", tool_calls=[call]), "It is 42."]
    turn = await agent.ask("What is 6 * 7?", protocol="native")
    assert turn.thoughts == f"I multiply.\n```python\n{PROGRAM}\n```\n```\n42\n```"
    assert len(turn.all(ThoughtDelta)) > 8


async def test_an_answer_after_a_failed_step_is_no_thought(agent: Agent, model: ScriptedChat) -> None:
    """Regression: words instead of a call were streamed as thoughts and then given as the answer."""
    model.native_tools = True
    call = {"name": "python_coder", "args": {"code": "1 / 0"}, "id": "c"}
    answer = "It cannot be divided, for there is nothing to divide by."
    model.replies = [AIMessage("", tool_calls=[call]), answer]
    turn = await agent.ask("What is 6 divided by nothing?", protocol="native")
    assert turn.text == answer
    assert "cannot be divided" not in turn.thoughts
    model.replies += ["It is 41.", "It is 41."]
    guess = await agent.ask("What is 6 * 7?", protocol="native", conversation="two")
    assert (guess.text, guess.thoughts) == ("It is 41.", "")
