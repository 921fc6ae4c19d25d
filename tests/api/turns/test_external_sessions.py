"""Sessions that clients know by IDs of their own, sent in a header."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from checkpoints.store import open_store
from llm.scripted import ScriptedChat
from tests.api.client import ask, get, rows, run, traces
from tests.people import LOGIN, chat, person
from tests.serving import Service, python_step

Begin = Callable[..., AbstractAsyncContextManager[Service]]
NAME = "ses_4d5e6f7g8h9iRk2mQ"


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


async def send(service: Service, text: str, name: str = NAME, status: int = 200, **fields: Any) -> dict[str, Any]:
    body = {"messages": [user(text)], "agent_type": "chat", **fields}
    answer = await service.http.post("/v1/chat/completions", json=body, headers={"x-session-id": name})
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


def sessions(service: Service) -> int:
    return int(rows(service, "SELECT count(*) FROM sessions")[0][0])


async def test_an_unknown_name_begins_a_session_that_later_requests_continue(
    service: Service, model: ScriptedChat
) -> None:
    model.replies = ["Hello Ann.", "You are Ann."]
    first = await send(service, "I am Ann.")
    second = await send(service, "Who am I?")
    assert first["x_session_id"] == second["x_session_id"] != NAME
    assert [message.text for message in model.asked[1][1:]] == ["I am Ann.", "Hello Ann.", "Who am I?"]
    assert sessions(service) == 1


@pytest.mark.parametrize("route", ["/v1/responses", "/v1/chat/completions"])
async def test_all_protocols_share_the_name(service: Service, model: ScriptedChat, route: str) -> None:
    model.replies = ["one", "two"]
    first = await send(service, "a")
    body: dict[str, Any] = (
        {"model": "chat", "input": "b"} if route == "/v1/responses" else {"model": "chat", "messages": [user("b")]}
    )
    second = await service.http.post(route, json=body, headers={"X-Session-ID": NAME})
    assert second.json()["x_session_id"] == first["x_session_id"]


async def test_the_variables_of_a_named_session_survive_a_restart(start: Begin, model: ScriptedChat) -> None:
    model.replies = [
        *(python_step("x = 41; print(x)"), "Final Answer: 41"),
        *(python_step("print(x + 1)"), "Final Answer: 42"),
    ]
    async with start() as service:
        first = await send(service, "Compute 40 + 1.", agent_type="react")
    async with start() as service:
        second = await send(service, "And one more?", agent_type="react")
    assert second["x_session_id"] == first["x_session_id"]
    (step,) = second["x_agent_metadata"]["steps"]
    assert (step["error"], step["observation"].strip()) == (None, "42")


async def test_two_users_with_one_name_never_meet(start: Begin, model: ScriptedChat) -> None:
    async with start(**LOGIN) as service, person(service, "ann") as ann, person(service, "bob") as bob:
        for one in (ann, bob):
            one.http.headers["X-Session-ID"] = NAME
        model.replies = ["Hello Ann.", "Hello Bob.", "You are Ann.", "Hello."]
        said = [(ann, "I am Ann."), (bob, "I am Bob."), (ann, "Who am I?")]
        answers = [
            await one.http.post("/v1/chat/completions", json={"model": "chat", "messages": [user(text)]})
            for one, text in said
        ]
        ids = [answer.json()["x_session_id"] for answer in answers]
        assert ids[0] == ids[2] != ids[1]
        assert "Bob" not in str(model.asked[2])
        # Nor does the ID of another user's session lead there, or show that it exists.
        bob.http.headers["X-Session-ID"] = ids[0]
        guessed = await chat(bob, model="chat")
        assert guessed.status_code == 200
        assert guessed.json()["x_session_id"] not in ids


async def test_requests_that_race_for_a_new_name_get_one_session(service: Service, model: ScriptedChat) -> None:
    model.replies = ["yes"] * 8
    headers = {"X-Session-ID": NAME, "X-Run-Policy": "enqueue"}
    body = {"messages": [user("hi")], "agent_type": "chat"}
    answers = await asyncio.gather(
        *(service.http.post("/v1/chat/completions", json=body, headers=headers) for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["x_session_id"] for answer in answers}) == 1
    assert sessions(service) == 1
    whole = await get(service, f"/api/conversations/{answers[0].json()['x_session_id']}")
    assert len(whole["messages"]) == 16


async def test_processes_that_race_for_a_new_name_get_one_session(tmp_path: Path) -> None:
    async with open_store(tmp_path / "a.sqlite") as one, open_store(tmp_path / "a.sqlite") as two:
        found = await asyncio.gather(*(store.sessions.get_or_create(NAME, "ann", "hi") for store in [one, two] * 10))
        assert len({session.id for session in found}) == 1
        assert len(await one.sessions.ids("ann")) == 1


async def test_deleting_the_session_frees_its_name(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one", "two"]
    first = await send(service, "a")
    assert (await service.http.delete(f"/api/conversations/{first['x_session_id']}")).status_code == 200
    second = await send(service, "b")
    assert second["x_session_id"] != first["x_session_id"]
    assert [message.text for message in model.asked[1][1:]] == ["b"]
    assert (await service.http.delete(f"/api/conversations/{second['x_session_id']}")).status_code == 200
    assert rows(service, "SELECT count(*) FROM sessions WHERE external_id IS NOT NULL") == [(0,)]


async def test_only_a_session_in_the_body_can_be_missing(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one", "two"]
    for fields in ({"session_id": NAME}, {"metadata": {"session_id": NAME}}):
        missing = await send(service, "hi", "another-name", 404, **fields)
        assert missing["error"]["param"] == "session_id"
    assert sessions(service) == 0
    first = await send(service, "a")
    # Once it exists, its user can use its name everywhere.
    again = await ask(service, "b", session_id=NAME)
    assert again["x_session_id"] == first["x_session_id"]


@pytest.mark.parametrize("name", ["a b", "a" * 201, "s\u00e9ance", "a\tb"])
async def test_names_have_a_limited_length_and_visible_characters(service: Service, name: str) -> None:
    headers = {b"X-Session-ID": name.encode("latin-1")}
    answer = await service.http.post("/v1/chat/completions", json={"messages": [user("hi")]}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "X-Session-ID"
    assert sessions(service) == 0


@pytest.mark.parametrize("name", ["a" * 200, "../../etc/passwd", "' OR '1'='1", "chat:1/2?#%00", "--", "NULL"])
async def test_hostile_names_are_only_names(service: Service, model: ScriptedChat, name: str) -> None:
    model.replies = ["one", "two", "three"]
    name = name.replace(" ", "_")
    first, second = await send(service, "a", name), await send(service, "b", name)
    assert first["x_session_id"] == second["x_session_id"]
    assert (await send(service, "c", "another"))["x_session_id"] != first["x_session_id"]
    assert traces(service.settings.data_dir / "sessions", name.encode()) == []


async def test_a_request_that_fails_leaves_no_session_under_its_name(service: Service, model: ScriptedChat) -> None:
    broken = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    body = {"messages": [{"role": "user", "content": broken}]}
    answer = await service.http.post("/v1/chat/completions", json=body, headers={"X-Session-ID": NAME})
    assert answer.status_code == 400, answer.text
    assert sessions(service) == 0
    model.replies = ["one"]
    assert (await send(service, "a"))["x_session_id"]


async def test_failed_requests_take_nothing_from_those_that_wait(service: Service, model: ScriptedChat) -> None:
    model.replies = ["yes"] * 4
    broken = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    headers = {"X-Session-ID": NAME, "X-Run-Policy": "enqueue"}
    bodies = [{"model": "chat", "messages": [{"role": "user", "content": content}]} for content in (broken, "hi")] * 4
    answers = await asyncio.gather(
        *(service.http.post("/v1/chat/completions", json=body, headers=headers) for body in bodies)
    )
    assert [answer.status_code for answer in answers] == [400, 200] * 4
    assert len({answer.json()["x_session_id"] for answer in answers[1::2]}) == 1
    assert sessions(service) == 1


async def test_a_failed_request_takes_nothing_from_a_session_without_turns(service: Service) -> None:
    session = (await run(service, "x = 41; open('kept.txt', 'w').write('x')"))["session_id"]
    broken = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    body = {"messages": [{"role": "user", "content": broken}]}
    answer = await service.http.post("/v1/chat/completions", json=body, headers={"X-Session-ID": session})
    assert answer.status_code == 400, answer.text
    assert (await run(service, "print(x + 1, open('kept.txt').read())", session_id=session))["output"].strip() == "42 x"


async def test_a_new_name_takes_the_whole_history_sent(service: Service, model: ScriptedChat) -> None:
    model.replies = ["three"]
    history = [user("one"), {"role": "assistant", "content": "two"}, user("go on")]
    body = {"model": "chat", "messages": history}
    answer = await service.http.post("/v1/chat/completions", json=body, headers={"X-Session-ID": NAME})
    assert answer.status_code == 200
    assert [message.text for message in model.asked[0][1:]] == ["one", "two", "go on"]
