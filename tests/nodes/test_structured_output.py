"""`structured_output`: an agent's answer is converted to the client's format."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from llm.scripted import ScriptedChat
from nodes.events import Finished
from nodes.state import AgentState
from nodes.structured_output import MAX_SCHEMA, described, form, structured_output
from tests.nodes.steps import answer_of, runtime_of, taken, written

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FORM: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}


def answered(mode: str = "react", text: str = "It is Oslo.") -> AgentState:
    answer = AIMessage(text, id="a", additional_kwargs={"steps": []})
    return AgentState(messages=[HumanMessage("Where?")], mode=mode, answer=answer, steps=[taken("Oslo")])


async def test_words_and_notes_are_put_into_the_form() -> None:
    model = ScriptedChat(replies=['{"city": "Oslo"}'])
    runtime, told = runtime_of(model, response_format=FORM)
    answer = answer_of(await structured_output(answered(), runtime))
    assert (answer.text, answer.additional_kwargs) == ('{"city": "Oslo"}', {"steps": []})
    assert answer.id != "a"  # but the ID of the streamed message
    assert written(told) == answer.text
    assert told[-1] == Finished("stop")
    assert model.arguments[0]["response_format"] == FORM
    prompt = model.asked[0][1].text
    assert prompt.startswith("Question: Where?")
    assert "Observation: Oslo" in prompt
    assert prompt.endswith("Answer: It is Oslo.")


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (answered(), None),
        (answered("chat"), FORM),
        (AgentState(messages=[], mode="react", answer=None), FORM),
    ],
    ids=["plain words are wanted", "chat was held to it", "there is no answer"],
)
async def test_what_needs_no_form_passes_as_it_is(state: AgentState, wanted: dict[str, Any] | None) -> None:
    model = ScriptedChat()
    runtime, told = runtime_of(model, response_format=wanted)
    assert await structured_output(state, runtime) == {}
    assert (model.asked, told) == ([], [])


def test_a_schema_is_described_as_far_as_it_is_short() -> None:
    runtime, _ = runtime_of(response_format={"type": "json_object"})
    assert "object" in described(runtime.context)
    assert form(runtime.context) == {"response_format": {"type": "json_object"}}
    long = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"title": "t" * 9000}}}
    runtime, _ = runtime_of(response_format=long)
    assert MAX_SCHEMA <= len(described(runtime.context)) < MAX_SCHEMA + 1000
    runtime, _ = runtime_of()
    assert (described(runtime.context), form(runtime.context)) == ("", {})
