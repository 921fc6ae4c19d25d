"""`response_format`: in mode chat, for an agent's answer, and refused if it cannot be enforced."""

from typing import Any

import pytest

from llm.scripted import ScriptedChat
from tests.serving import Service, python_step

pytestmark = pytest.mark.one_service

HI = [{"role": "user", "content": "Where is it?"}]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def wanted(schema: Any = SCHEMA, **more: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "place", "schema": schema, **more}}


async def test_the_model_is_held_to_the_form_and_told_of_it(service: Service, model: ScriptedChat) -> None:
    model.replies = ['{"city": "Oslo"}'] * 2
    for form in (wanted(strict=True), {"type": "json_object"}):
        answer = await service.client.chat.completions.create(model="chat", messages=HI, response_format=form)  # type: ignore[call-overload]
        assert answer.choices[0].message.content == '{"city": "Oslo"}'
    assert model.arguments[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert model.arguments[1]["response_format"] == {"type": "json_object"}
    assert '"additionalProperties": false' in model.asked[0][0].text
    assert "one JSON object" in model.asked[1][0].text


async def test_an_agents_answer_is_put_into_the_form_at_the_end(service: Service, model: ScriptedChat) -> None:
    model.replies = [python_step("print('Oslo')"), "Final Answer: It is Oslo.", '{"city": "Oslo"}']
    stream = await service.client.chat.completions.create(
        model="react", messages=HI, response_format=wanted(), stream=True  # type: ignore[call-overload]
    )  # fmt: skip
    text, thoughts, reasons = "", "", []
    async for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            thoughts += (choice.delta.model_extra or {}).get("reasoning", "")
            reasons.append(choice.finish_reason)
    assert text == '{"city": "Oslo"}'
    assert "It is Oslo." in thoughts
    assert [reason for reason in reasons if reason] == ["stop"]
    assert "response_format" not in model.arguments[0]
    assert "response_format" in model.arguments[2]
    assert "Answer: It is Oslo." in model.asked[2][1].text


async def test_what_is_kept_is_the_answer_in_its_form(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Final Answer: It is Oslo.", '{"city": "Oslo"}']
    body = {"messages": HI, "model": "react", "response_format": wanted()}
    told = (await service.http.post("/v1/chat/completions", json=body)).json()
    history = (await service.http.get(f"/api/conversations/{told['x_session_id']}/messages")).json()["messages"]
    assert history[-1]["content"] == '{"city": "Oslo"}' == told["choices"][0]["message"]["content"]


OPEN = {"type": "object", "properties": {"city": {"type": "string"}}}
BAD: list[tuple[str, Any, str]] = [
    ("kind", {"type": "xml"}, "response_format"),
    ("no schema", {"type": "json_schema"}, "response_format.json_schema"),
    ("no name", {"type": "json_schema", "json_schema": {"schema": SCHEMA}}, "response_format.json_schema.name"),
    ("strict and open", wanted(OPEN, strict=True), "response_format.json_schema"),
    (
        "strict and optional",
        wanted({**OPEN, "additionalProperties": False, "required": []}, strict=True),
        "response_format.json_schema",
    ),
    ("strict and no object", wanted({"type": "string"}, strict=True), "response_format.json_schema"),
    ("too large", wanted({"type": "string", "maxLength": 10**9}), "response_format.json_schema.schema"),
    ("no grammar", wanted({"type": "unheard of"}), "response_format.json_schema.schema"),
]


@pytest.mark.parametrize(("form", "param"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
async def test_a_form_that_cannot_be_kept_is_refused_by_name(service: Service, form: Any, param: str) -> None:
    answer = await service.http.post("/v1/chat/completions", json={"messages": HI, "response_format": form})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param
