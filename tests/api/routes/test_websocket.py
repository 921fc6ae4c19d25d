"""The WebSocket: send, cancel, resume, and permissions."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from llm.errors import ModelError
from llm.scripted import ScriptedChat
from tests.api.client import change, give_away, rows
from tests.people import LOGIN, person
from tests.serving import Service, python_step, until

pytestmark = pytest.mark.one_service

Start = Callable[..., AbstractAsyncContextManager[Service]]
HI = [{"role": "user", "content": "hi"}]


def address(service: Service) -> str:
    return service.url.replace("http://", "ws://") + "/api/ws"


async def tell(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def hear(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(20):
        message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def hear_until(socket: ClientConnection, kind: str) -> list[dict[str, Any]]:
    """All messages up to one of this kind."""
    heard = [await hear(socket)]
    while heard[-1]["type"] != kind:
        heard.append(await hear(socket))
    return heard


def text_of(heard: list[dict[str, Any]]) -> str:
    choices = [choice for m in heard if m["type"] == "frame" for choice in m["data"]["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


async def test_a_conversation(service: Service, model: ScriptedChat) -> None:
    model.replies = [python_step("x = 6 * 7; print(x)"), "Final Answer: 42", "Gladly."]
    async with connect(address(service)) as socket:
        await tell(socket, type="send", id="a", request={"messages": HI, "agent_type": "react"})
        first = await hear_until(socket, "done")
        assert {message["id"] for message in first} == {"a"}
        assert text_of(first) == "42"
        assert [m["data"]["x_agent_step"]["observation"] for m in first if "x_agent_step" in m.get("data", {})] == [
            "42"
        ]
        session = first[0]["data"]["x_session_id"]
        request = {"messages": HI, "session_id": session, "agent_type": "chat"}
        await tell(socket, type="send", id="b", request=request)
        assert text_of(await hear_until(socket, "done")) == "Gladly."
        await tell(socket, type="resume", id="c", session_id=session)
        again = await hear_until(socket, "done")
        assert text_of(again) == "Gladly."
        await tell(socket, type="resume", id="d", session_id=session, last_event_id=again[-2]["event_id"])
        assert await hear(socket) == {"type": "done", "id": "d"}


async def test_cancel(service: Service, model: ScriptedChat) -> None:
    model.replies, model.gate = ["word " * 100, "back again"], asyncio.Semaphore(5)
    async with connect(address(service)) as socket:
        await tell(socket, type="send", id="a", request={"messages": HI})
        session = (await hear(socket))["data"]["x_session_id"]
        await until(model.gate.locked)
        await tell(socket, type="cancel", id="b", session_id=session)
        heard = {message["id"]: message for message in [*(await hear_until(socket, "done")), await hear(socket)]}
        assert heard["b"] == {"type": "cancelled", "id": "b", "session_id": session, "cancelled": True}
        assert model.finished == 0
        model.gate = None
        await tell(socket, type="send", id="c", request={"messages": HI, "session_id": session})
        assert text_of(await hear_until(socket, "done")) == "back again"


@pytest.mark.parametrize("background", [False, True])
async def test_a_client_that_leaves(service: Service, model: ScriptedChat, *, background: bool) -> None:
    model.replies, model.gate = ["word " * 100], asyncio.Semaphore(5)
    async with connect(address(service)) as socket:
        await tell(socket, type="send", request={"messages": HI, "background": background})
        session = (await hear(socket))["data"]["x_session_id"]
        await until(model.gate.locked)
    if background:
        async with connect(address(service)) as socket:
            await tell(socket, type="resume", session_id=session)
            await hear(socket)
            for _ in range(200):
                model.gate.release()
            assert text_of(await hear_until(socket, "done")).strip() == ("word " * 100).strip()
    await until(lambda: not service.server._locks._active)
    assert model.finished == (1 if background else 0)


async def test_the_policy_of_a_message(service: Service, model: ScriptedChat) -> None:
    model.replies, model.gate = ["word " * 100, "instead"], asyncio.Semaphore(5)
    async with connect(address(service)) as socket:
        await tell(socket, type="send", id="a", request={"messages": HI})
        session = (await hear(socket))["data"]["x_session_id"]
        await until(model.gate.locked)
        request = {"messages": HI, "session_id": session}
        await tell(socket, type="send", id="b", request=request)
        heard = [m for m in await hear_until(socket, "error") if m["id"] == "b"]
        assert heard[0]["error"]["code"] == "session_busy"
        await tell(socket, type="send", id="c", request=request, run_policy="interrupt")
        first = await hear_until(socket, "done")
        assert first[-2]["data"]["error"]["code"] == "run_interrupted"
        await until(lambda: len(model.asked) == 2)
        for _ in range(10):
            model.gate.release()
        assert text_of(await hear_until(socket, "done")) == "instead"


async def test_what_is_no_message_is_told_and_the_connection_lives(service: Service, model: ScriptedChat) -> None:
    model.replies = [ModelError("The model has run away."), ZeroDivisionError("/secret/path"), "hello"]
    wrong: list[str | bytes] = [
        *("", "{", "[]", "null", "[" * 100_000, '{"type": "shout"}', '{"type": "send", "request": 1}', b"\x00"),
        *('{"type": "send", "request": {}}', '{"type": "send", "request": {"messages": []}}'),
        *('{"type": "cancel", "session_id": "../.."}', '{"type": "resume", "session_id": "missing"}'),
    ]
    async with connect(address(service)) as socket:
        for message in wrong:
            await socket.send(message)
            heard = await hear(socket)
            assert heard["type"] == "error", message
            assert heard["error"]["type"] == "invalid_request_error", message
        await tell(socket, type="send", id="a", request={"messages": HI})
        assert (await hear_until(socket, "done"))[-2]["data"]["error"]["message"] == "The model has run away."
        await tell(socket, type="send", id="b", request={"messages": HI})
        assert "secret" not in json.dumps(await hear_until(socket, "done"))
        await tell(socket, type="send", id="c", request={"messages": HI})
        assert text_of(await hear_until(socket, "done")) == "hello"


async def test_what_is_others_is_not_there(service: Service, model: ScriptedChat) -> None:
    model.replies = ["hello"]
    async with connect(address(service)) as socket:
        await tell(socket, type="send", request={"messages": HI})
        session = (await hear_until(socket, "done"))[0]["data"]["x_session_id"]
        await give_away(service, session)
        for kind in ("cancel", "resume"):
            await tell(socket, type=kind, session_id=session)
            assert (await hear(socket))["error"]["code"] == "not_found"
        await tell(socket, type="send", request={"messages": HI, "session_id": session})
        assert (await hear(socket))["error"]["code"] == "not_found"


async def test_a_login_is_required_where_it_is(start: Start, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["hello"], True
    async with start(**LOGIN) as service, person(service, "ann") as ann:
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(address(service), additional_headers=headers):
                    pass
            assert refused.value.response.status_code == 401
            assert json.loads(refused.value.response.body or b"")["error"]["type"] == "authentication_error"
        offered = [Subprotocol("llm-api"), Subprotocol(f"bearer.{ann.token}")]
        async with connect(address(service), additional_headers=ann.headers) as socket:
            await tell(socket, type="send", request={"messages": HI})
            await hear_until(socket, "done")
        async with connect(address(service), subprotocols=offered) as socket:
            assert socket.subprotocol == "llm-api"
            await tell(socket, type="send", request={"messages": HI})
            await hear_until(socket, "done")
            assert len(rows(service, "SELECT DISTINCT owner FROM sessions")) == 1
            # A disabled account is refused, even on an open connection.
            await change(service, "UPDATE users SET disabled = 1 WHERE name = 'ann'")
            await tell(socket, type="send", request={"messages": HI})
            assert (await hear(socket))["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
async def test_foreign_pages_are_refused(service: Service, headers: dict[str, str]) -> None:
    origin = headers.pop("Origin", None)
    uri = address(service)
    extra: dict[str, Any] = {"origin": origin} if origin else {}
    if "Host" in headers:
        port = service.url.rsplit(":", 1)[1]
        uri, extra = f"ws://evil.example:{port}/api/ws", {"host": "127.0.0.1", "port": int(port)}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(uri, **extra):
            pass
    assert refused.value.response.status_code == 403


async def test_a_shutdown_tells_and_closes(start: Start, model: ScriptedChat) -> None:
    model.replies, model.gate = ["word " * 100], asyncio.Semaphore(5)
    async with start() as service, connect(address(service)) as socket:
        await tell(socket, type="send", request={"messages": HI})
        await until(model.gate.locked)
        service.server.should_exit = True
        heard = await hear_until(socket, "done")
        assert heard[-2]["data"]["error"]["code"] == "shutting_down"
