"""Clients without session IDs: their history determines which session continues or is forked."""

import asyncio
import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from api.errors import ApiError
from api.services import Services
from api.turns.session_claim import AfterTurn, TurnEnd
from api.turns.transcript import START, Transcript, chain
from api.wire.messages import ChatMessage
from checkpoints.users import LOCAL
from llm.scripted import ScriptedChat
from tests.api.client import change, get, rows, run
from tests.people import LOGIN, person
from tests.serving import Service, python_step, until

Begin = Callable[..., AbstractAsyncContextManager[Service]]
History = list[dict[str, Any]]


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


async def send(service: Service, messages: History, status: int = 200, **fields: Any) -> dict[str, Any]:
    answer = await service.http.post(
        "/v1/chat/completions", json={"messages": messages, "agent_type": "chat", **fields}
    )
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def answer_of(body: dict[str, Any]) -> dict[str, Any]:
    """The history as a client keeps it."""
    message = body["choices"][0]["message"]
    return {"role": message["role"], "content": message["content"]}


async def history(service: Service, session: str) -> list[tuple[str, str]]:
    found = await get(service, f"/api/chat/history/{session}")
    return [(message["role"], message["content"]) for message in found["messages"]]


def sessions(service: Service) -> int:
    return int(rows(service, "SELECT count(*) FROM sessions")[0][0])


async def test_a_plain_client_gets_a_python_that_remembers(service: Service, model: ScriptedChat) -> None:
    model.replies = [
        *(python_step("x = 41; print(x)"), "Final Answer: It is 41."),
        *(python_step("x += 1; print(x)"), "Final Answer: It is 42."),
    ]
    messages = [user("Let x be 41.")]
    first = await send(service, messages, agent_type="react")
    messages += [answer_of(first), user("One more.")]
    second = await send(service, messages, agent_type="react")
    assert second["x_session_id"] == first["x_session_id"]
    assert second["x_agent_metadata"]["steps"][0]["observation"] == "42"
    assert sessions(service) == 1


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (user("  one\n"), said("\nfirst answer ")),
        (user([{"type": "text", "text": "one"}]), said([{"type": "text", "text": "first  answer"}])),
        (user("one"), said("<think>Well, well.</think>\n\nfirst answer")),
        (user("one"), said('<details type="reasoning" done="true">\n> Hm.\n</details>\nfirst answer')),
        (user("one"), said("first answer", reasoning_content="Hm.", refusal=None)),
    ],
    ids=["spaces", "parts", "thoughts", "details", "more fields"],
)
async def test_what_clients_change_does_not_matter(
    service: Service, model: ScriptedChat, asked: dict[str, Any], answered: dict[str, Any]
) -> None:
    model.replies = ["first answer", "second answer"]
    monday, tuesday = ({"role": "system", "content": f"Be kind. It is {day}."} for day in ("Monday", "Tuesday"))
    first = await send(service, [monday, user("one")])
    second = await send(service, [tuesday, asked, answered, user("two")])
    assert second["x_session_id"] == first["x_session_id"]
    assert (await history(service, first["x_session_id"]))[1:] == [
        ("user", "one"),
        ("assistant", "first answer"),
        ("user", "two"),
        ("assistant", "second answer"),
    ]


async def test_regenerating_forks_and_leaves_no_stale_turn(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one", "two", "another two", "three"]
    begin = [user("1")]
    first = await send(service, begin)
    begin += [answer_of(first), user("2")]
    second = await send(service, begin)
    again = await send(service, begin)
    assert second["x_session_id"] == first["x_session_id"] != again["x_session_id"]
    third = await send(service, [*begin, answer_of(again), user("3")])
    assert third["x_session_id"] == again["x_session_id"]
    one, two = ("user", "1"), ("user", "2")
    assert await history(service, first["x_session_id"]) == [one, ("assistant", "one"), two, ("assistant", "two")]
    assert await history(service, again["x_session_id"]) == [
        *(one, ("assistant", "one"), two, ("assistant", "another two")),
        *(("user", "3"), ("assistant", "three")),
    ]
    assert [m.text for m in model.asked[3][1:]] == ["1", "one", "2", "another two", "3"]


async def test_an_edited_turn_forks_at_the_turn_before(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one", "two", "three", "edited"]
    messages: History = []
    for text in "123":
        messages.append(user(text))
        body = await send(service, messages)
        messages.append(answer_of(body))
    edited = await send(service, [*messages[:2], user("2, but better")])
    assert edited["x_session_id"] != body["x_session_id"]
    assert [m.text for m in model.asked[3][1:]] == ["1", "one", "2, but better"]
    assert len(await history(service, body["x_session_id"])) == 6
    # Both branches continue, each in its own session.
    model.replies += ["four", "more"]
    assert (await send(service, [*messages, user("4")]))["x_session_id"] == body["x_session_id"]
    branch = [*messages[:2], user("2, but better"), answer_of(edited), user("more")]
    assert (await send(service, branch))["x_session_id"] == edited["x_session_id"]


async def test_an_edited_first_question_begins_anew(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one", "other"]
    first = await send(service, [user("1")])
    second = await send(service, [user("1, but better")])
    assert first["x_session_id"] != second["x_session_id"]


async def test_a_fork_has_the_files_of_its_time(service: Service, model: ScriptedChat) -> None:
    model.replies = [python_step("open('a.txt', 'w').write('a.txt'); print('ok')"), "Final Answer: written"]
    model.replies += ["two", "another two"]
    messages = [user("write a")]
    first = await send(service, messages, agent_type="react")
    messages += [answer_of(first), user("2")]
    await send(service, messages, agent_type="chat")
    await run(service, "open('b.txt', 'w').write('b.txt')", session_id=first["x_session_id"])
    fork = await send(service, messages, agent_type="chat")
    assert fork["x_session_id"] != first["x_session_id"]
    for session, names in ((fork["x_session_id"], ["a.txt"]), (first["x_session_id"], ["a.txt", "b.txt"])):
        files = (await get(service, f"/api/conversations/{session}/artifacts"))["artifacts"]
        assert [file["filename"] for file in files] == names
    content = await service.http.get(f"/api/conversations/{fork['x_session_id']}/artifacts/a.txt")
    assert content.text == "a.txt"


async def test_chats_that_begin_alike_are_kept_apart(service: Service, model: ScriptedChat) -> None:
    """A model with identical replies: there are as many sessions as chats, and each chat continues in its own."""
    model.replies, model.repeat = ["Hello!"], True
    chats = [[user("hi")] for _ in range(3)]
    for turn in range(3):
        found = []
        for number, messages in enumerate(chats):
            body = await send(service, messages)
            found.append(body["x_session_id"])
            messages += [answer_of(body), user(f"chat {number}, turn {turn}")]
        assert len(set(found)) == 3
    assert sessions(service) == 3
    for session in found:
        assert len({text.split(",")[0] for role, text in (await history(service, session))[2:] if role == "user"}) == 1


async def test_chats_at_the_same_moment_are_kept_apart(start: Begin, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["Hello!"], True
    async with start(user_concurrent_runs=0, user_requests_per_minute=0) as service:
        await asyncio.gather(*(send(service, [user("hi")]) for _ in range(8)))
        following = [user("hi"), said("Hello!")]
        bodies = await asyncio.gather(*(send(service, [*following, user(f"I am {n}")]) for n in range(8)))
        found = [body["x_session_id"] for body in bodies]
        assert len(set(found)) == 8
        assert sessions(service) == 8
        for number, session in enumerate(found):
            assert (await history(service, session))[2] == ("user", f"I am {number}")


async def test_the_same_system_prompt_decides_among_chats_that_are_alike(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["Hello!"], True
    prompts = [{"role": "system", "content": f"You are {name}."} for name in ("Ann", "Bob")]
    first = [(await send(service, [prompt, user("hi")]))["x_session_id"] for prompt in prompts]
    second = [
        (await send(service, [prompt, user("hi"), said("Hello!"), user("more")]))["x_session_id"] for prompt in prompts
    ]
    assert first == second


async def test_others_sessions_are_never_found(start: Begin, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["Hello!"], True
    body = {"messages": [user("hi"), said("Hello!"), user("more")]}
    async with start(**LOGIN) as service, person(service, "ann") as ann, person(service, "bob") as bob:
        begun = (await ann.http.post("/v1/chat/completions", json={"messages": [user("hi")]})).json()
        other = (await bob.http.post("/v1/chat/completions", json=body)).json()
        own = (await ann.http.post("/v1/chat/completions", json=body)).json()
    assert other["x_session_id"] != begun["x_session_id"] == own["x_session_id"]


async def test_a_deleted_session_is_not_found_again(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["Hello!"], True
    first = (await send(service, [user("hi")]))["x_session_id"]
    assert (await service.http.delete(f"/api/conversations/{first}")).status_code == 200
    again = await send(service, [user("hi"), said("Hello!"), user("more")])
    assert again["x_session_id"] != first
    assert rows(service, "SELECT count(*) FROM turns WHERE session = ?", first) == [(0,)]
    assert len(await history(service, again["x_session_id"])) == 4


async def test_a_session_that_is_answering_is_forked(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["Hello!", "word " * 50, "Hello!"], True
    first = (await send(service, [user("hi")]))["x_session_id"]
    following = [user("hi"), said("Hello!")]
    model.gate = asyncio.Semaphore(0)
    running = asyncio.create_task(send(service, [*following, user("a")]))
    await until(lambda: len(model.asked) == 2)
    gate, model.gate = model.gate, None
    other = await send(service, [*following, user("b")])
    for _ in range(100):
        gate.release()
    assert (await running)["x_session_id"] == first != other["x_session_id"]


async def cut_off(service: Service, model: ScriptedChat, messages: History) -> tuple[str, str]:
    """An answer whose client disconnected in between; returns the session, and what the client has seen."""
    model.gate, seen = asyncio.Semaphore(5), ""
    body = {"messages": messages, "stream": True, "agent_type": "chat"}
    async with service.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        async for line in answer.aiter_lines():
            if "word" in line:
                seen = "word"
                break
    model.gate = None
    return answer.headers["x-session-id"], seen


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_chat_goes_on_after_an_answer_that_was_cut_off(
    service: Service, model: ScriptedChat, *, keeps: bool
) -> None:
    model.replies = ["Hello!", "word " * 100, "back again", "and again"]
    messages = [user("hi"), answer_of(await send(service, [user("hi")])), user("long")]
    session, seen = await cut_off(service, model, messages)
    messages += [*([said(seen)] if keeps else []), user("go on")]
    body = await send(service, messages)
    assert body["x_session_id"] == session
    messages += [answer_of(body), user("more")]
    assert (await send(service, messages))["x_session_id"] == session
    assert [m.text for m in model.asked[3][1:]] == [message["content"] for message in messages]
    assert sessions(service) == 1


async def test_a_question_that_was_cut_off_and_is_asked_again_goes_on(service: Service, model: ScriptedChat) -> None:
    model.replies = ["Hello!", "word " * 100, "at last"]
    messages = [user("hi"), answer_of(await send(service, [user("hi")])), user("long")]
    session, _ = await cut_off(service, model, messages)
    await until(lambda: not service.server._locks._active)
    body = await send(service, messages)
    assert body["x_session_id"] == session
    assert (await history(service, session))[2:] == [("user", "long"), ("assistant", "at last")]


async def test_a_question_with_an_image_before_it_that_was_cut_off_is_asked_again(
    service: Service, model: ScriptedChat
) -> None:
    """Regression: the image was attributed to a message that does not exist, which was a 500."""
    head = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{head}"}}
    model.replies = ["Hello!", "word " * 100, "at last"]
    messages = [user("hi"), answer_of(await send(service, [user("hi")])), user([image]), user("long")]
    await cut_off(service, model, messages)
    await until(lambda: not service.server._locks._active)
    assert answer_of(await send(service, messages))["content"] == "at last"


async def test_a_turn_that_was_answered_but_not_noted_is_not_told_twice(start: Begin, model: ScriptedChat) -> None:
    """As after a crash between the answer and its record."""
    model.replies = ["Hello!", "again"]
    async with start() as service:
        session = (await send(service, [user("hi")]))["x_session_id"]
    (question,) = chain(START, [ChatMessage(role="user", content="hi")])
    async with start() as service:
        await change(service, "UPDATE turns SET state = 'open', checkpoint = NULL, fingerprint = ?", question)
        body = await send(service, [user("hi"), said("Hello!"), user("more")])
        assert body["x_session_id"] == session
        assert [text for _, text in await history(service, session)] == ["hi", "Hello!", "more", "again"]


async def test_images_in_messages_tell_chats_apart(service: Service, model: ScriptedChat) -> None:
    head = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
    pixel, other = (f"data:image/png;base64,{head[:-4]}{end}" for end in ("AAAA", "BBBB"))

    def picture(url: str) -> dict[str, Any]:
        return user([{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": url}}])

    model.replies, model.repeat = ["A pixel."], True
    found = [(await send(service, [picture(url)], agent_type="chat"))["x_session_id"] for url in (pixel, other)]
    again = await send(service, [picture(pixel), said("A pixel."), user("sure?")], agent_type="chat")
    assert again["x_session_id"] == found[0]


async def test_beginning_after_a_turn(service: Service, model: ScriptedChat) -> None:
    """What other routes build on: the newest turn continues, an older one is forked, a missing one is a 404."""
    services: Services = service.server.config.app.state.services  # type: ignore[union-attr]
    model.replies = ["one", "two"]
    first = await send(service, [user("1")])
    session = first["x_session_id"]
    await send(service, [user("1"), answer_of(first), user("2")])
    old, new = (row[0] for row in rows(service, "SELECT checkpoint FROM turns ORDER BY id"))

    def after(session: str, checkpoint: str) -> AfterTurn:
        end, nothing = TurnEnd(session, checkpoint), Transcript.of(())
        return AfterTurn(end, LOCAL, nothing, services.store, services.turns.forks, "reject")

    async with services.locks.lock(after(session, new)) as locked:
        assert locked.session.id == session
    async with services.locks.lock(after(session, old)) as locked:
        assert locked.session.id != session
        assert await history(service, locked.session.id) == [("user", "1"), ("assistant", "one")]
    for missing in (after(session, "nothing"), after("x" * 22, new)):
        with pytest.raises(ApiError) as error:
            async with services.locks.lock(missing):
                pass
        assert error.value.status == 404
    assert [text for _, text in await history(service, session)] == ["1", "one", "2", "two"]
