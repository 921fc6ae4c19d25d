"""Requests that end with an answer or with instructions: front ends' "Continue", and clients that OpenAI accepts."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from llm.errors import ModelError
from llm.scripted import ScriptedChat
from tests.serving import Service, python_step

pytestmark = pytest.mark.one_service

ASKED = {"role": "user", "content": "Tell me a story."}
BEGUN = "Once upon a time, there was a king who"


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


async def post(service: Service, *messages: dict[str, Any], headers: Any = None, **fields: Any) -> dict[str, Any]:
    body = {"messages": list(messages), **fields}
    answer = await service.http.post("/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def content(told: dict[str, Any]) -> str:
    text: str = told["choices"][0]["message"]["content"]
    return text


async def history(service: Service, session: str) -> list[tuple[str, str]]:
    listed = (await service.http.get(f"/api/conversations/{session}/messages")).json()["messages"]
    return [(message["role"], message["content"]) for message in listed]


@pytest.mark.parametrize("named", [{}, {"agent_type": "react"}])
async def test_an_answer_is_continued_where_it_ends(service: Service, model: ScriptedChat, named: Any) -> None:
    model.replies = [BEGUN, " had a daughter.", "Ann."]
    first = await post(service, ASKED, agent_type="chat")
    told = await post(service, ASKED, said(BEGUN), **named)
    assert content(told) == " had a daughter."
    assert told["x_session_id"] == first["x_session_id"]
    assert told["x_agent_metadata"]["agent_type"] == "chat"
    assert [(type(m), m.text) for m in model.asked[1][1:]] == [(HumanMessage, ASKED["content"]), (AIMessage, BEGUN)]
    assert model.arguments[1]["continues"] is True
    whole = f"{BEGUN} had a daughter."
    assert await history(service, first["x_session_id"]) == [("user", ASKED["content"]), ("assistant", whole)]
    later = await post(service, ASKED, said(whole), {"role": "user", "content": "Thanks! Her name?"})
    assert later["x_session_id"] == first["x_session_id"]


async def test_only_the_continuation_is_streamed(service: Service, model: ScriptedChat) -> None:
    model.replies = [" had a daughter."]
    stream: Any = await service.client.chat.completions.create(
        model="auto",
        messages=[ASKED, said(BEGUN)],  # type: ignore[list-item]
        stream=True,
    )
    text = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert "".join(text) == " had a daughter."


async def test_the_session_keeps_its_variables_and_steps(service: Service, model: ScriptedChat) -> None:
    answer = "x is 42. It is six times"
    model.replies = [python_step("x = 42\nprint(x)"), f"Final Answer: {answer}", " seven."]
    ask = {"role": "user", "content": "Compute x = 6 * 7"}
    first = await post(service, ask, agent_type="react")
    await post(service, ask, said(answer), agent_type="react")
    model.replies += [python_step("print(x + 1)"), "Final Answer: 43"]
    whole = said(f"{answer} seven.")
    later = await post(service, ask, whole, {"role": "user", "content": "Compute x + 1"}, agent_type="react")
    assert later["x_agent_metadata"]["steps"][0]["observation"] == "43"
    kept = (await service.http.get(f"/api/conversations/{first['x_session_id']}/messages")).json()["messages"]
    assert (kept[1]["agent_type"], kept[1]["steps"][0]["observation"]) == ("react", "42")


async def test_a_model_that_writes_the_answer_again_is_cut(service: Service, model: ScriptedChat) -> None:
    begun = f"{BEGUN} had three sons."
    model.replies = [f"{begun} The first was brave."]
    assert content(await post(service, ASKED, said(begun))) == " The first was brave."
    model.replies += [f"{begun[:30]}, no, a queen"]
    assert content(await post(service, ASKED, said(begun))) == f"{begun[:30]}, no, a queen"


@pytest.mark.parametrize("by", ["field", "header"])
async def test_a_named_session_has_the_answer_once(service: Service, model: ScriptedChat, by: str) -> None:
    model.replies = [BEGUN, " had a daughter.", " and a son."]
    headers = {"X-Session-ID": "story"} if by == "header" else None
    first = await post(service, ASKED, headers=headers)
    fields = {"session_id": first["x_session_id"]} if by == "field" else {}
    await post(service, ASKED, said(BEGUN), headers=headers, **fields)
    edited = "Once there was a queen who had a son"
    await post(service, ASKED, said(edited), headers=headers, **fields)
    assert await history(service, first["x_session_id"]) == [
        ("user", ASKED["content"]),
        ("assistant", f"{edited} and a son."),
    ]


async def test_an_answer_that_was_stopped_is_continued(service: Service, model: ScriptedChat) -> None:
    """The session has no answer then, but the client has its beginning."""
    model.replies = ["Hello.", ModelError("gone"), " had a daughter."]
    first = await post(service, {"role": "user", "content": "Hi"})
    before = [{"role": "user", "content": "Hi"}, said("Hello.")]
    assert (await service.http.post("/v1/chat/completions", json={"messages": [*before, ASKED]})).status_code >= 500
    told = await post(service, *before, ASKED, said(BEGUN))
    assert told["x_session_id"] == first["x_session_id"]
    kept = await history(service, first["x_session_id"])
    assert kept[-2:] == [("user", ASKED["content"]), ("assistant", f"{BEGUN} had a daughter.")]


async def test_an_answer_alone_is_continued_in_its_session_only(service: Service, model: ScriptedChat) -> None:
    model.replies = [BEGUN, " lived."]
    session = (await post(service, ASKED))["x_session_id"]
    assert content(await post(service, said(BEGUN), session_id=session)) == " lived."
    answer = await service.http.post("/v1/chat/completions", json={"messages": [said(BEGUN)]})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "messages")


SYSTEM = {"role": "system", "content": "Answer in rhymes."}


@pytest.mark.parametrize("messages", [[ASKED, SYSTEM], [SYSTEM, ASKED]])
async def test_instructions_at_the_end_apply_to_the_question(
    service: Service, model: ScriptedChat, messages: list[dict[str, Any]]
) -> None:
    model.replies = ["A cat sat."]
    assert content(await post(service, *messages)) == "A cat sat."
    assert [(type(m), m.text) for m in model.asked[0]] == [
        (SystemMessage, SYSTEM["content"]),
        (HumanMessage, ASKED["content"]),
    ]


@pytest.mark.parametrize("before", [[], [ASKED, said("No.")], [{"role": "system", "content": "Be brief."}]])
async def test_instructions_without_a_question_are_the_question(
    service: Service, model: ScriptedChat, before: list[dict[str, Any]]
) -> None:
    model.replies = ["Hello."]
    told = await post(service, *before, {"role": "developer", "content": "Greet the user."})
    assert content(told) == "Hello."
    assert (type(model.asked[0][-1]), model.asked[0][-1].text) == (HumanMessage, "Greet the user.")


@pytest.mark.parametrize(
    ("messages", "fields"),
    [
        ([{"role": "system", "content": " "}], {}),
        ([ASKED, said("")], {}),
        ([ASKED, {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": ""}}]}], {}),
        ([ASKED, said(BEGUN)], {"response_format": {"type": "json_object"}}),
    ],
)
async def test_what_cannot_be_continued_is_named(service: Service, messages: list[dict[str, Any]], fields: Any) -> None:
    answer = await service.http.post("/v1/chat/completions", json={"messages": messages, **fields})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith("messages")
