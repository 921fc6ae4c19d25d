"""Whoever may no longer use the service stops using it at once: runs, streams, WebSockets and kernels end."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from api.settings import Settings
from checkpoints.store import open_store
from llm.scripted import ScriptedChat
from tests.people import HI, LOGIN, PASSWORD, Person, Start, person
from tests.processes import all_end, ended
from tests.serving import Service, python_step, until
from workspace.jail.wire import WORK

Revoke = Callable[[Service, Person, Person], Awaitable[httpx.Response | None]]


async def disable(_service: Service, boss: Person, ann: Person) -> httpx.Response:
    return await boss.http.patch(f"/api/admin/users/{ann.name}", json={"disabled": True})


async def delete(_service: Service, boss: Person, ann: Person) -> httpx.Response:
    return await boss.http.delete(f"/api/admin/users/{ann.name}")


async def change_password(service: Service, _boss: Person, ann: Person) -> httpx.Response:
    body = {"old_password": PASSWORD, "new_password": PASSWORD + "!"}
    return await service.http.post("/api/auth/password", json=body, headers=ann.headers)


async def disable_elsewhere(service: Service, _boss: Person, ann: Person) -> None:
    """As another replica, or `python -m api admin disable`."""
    await change_elsewhere(service.settings, ann.name)


async def change_elsewhere(settings: Settings, name: str) -> None:
    async with open_store(settings.database) as store:
        account = await store.users.by_name(name)
        assert account is not None
        await store.users.change(account.id, disabled=True)


def open_gate(model: ScriptedChat) -> None:
    assert model.gate is not None
    for _ in range(1000):
        model.gate.release()


async def frames(answer: httpx.Response) -> list[str]:
    return [line.removeprefix("data: ") async for line in answer.aiter_lines() if line.startswith("data: ")]


@pytest.mark.parametrize(
    ("revoke", "code"),
    [
        (disable, "account_disabled"),
        (delete, "account_disabled"),
        (change_password, "token_revoked"),
        (disable_elsewhere, "account_disabled"),
    ],
)
async def test_regression_a_stream_outlived_its_user_s_right_to_it(
    start: Start, model: ScriptedChat, revoke: Revoke, code: str
) -> None:
    async with start(**LOGIN) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        model.replies, model.repeat, model.gate = ["word " * 100], True, asyncio.Semaphore(3)
        body = {"messages": HI, "stream": True}
        async with ann.http.stream("POST", "/v1/chat/completions", json=body) as answer:
            reading = asyncio.create_task(frames(answer))
            await until(lambda: len(model.asked) == 1)
            done = await revoke(service, boss, ann)
            assert done is None or done.is_success, done.text
            told = await asyncio.wait_for(reading, 10)
        error = json.loads(told[-2])["error"]
        assert (error["code"], error["type"], told[-1]) == (code, "authentication_error", "[DONE]")
        await until(lambda: service.idle)
        assert model.finished == 0
        assert (await ann.http.get("/api/auth/me")).status_code == 401


async def test_a_revoked_key_ends_its_streams_and_no_others(start: Start, model: ScriptedChat) -> None:
    async with start(**LOGIN) as service, person(service, "ann") as ann:
        made = [(await ann.http.post("/api/auth/keys", json={"name": name})).json() for name in ("a", "b")]
        model.replies, model.repeat, model.gate = ["word " * 10], True, asyncio.Semaphore(0)
        body = {"messages": HI, "stream": True}
        reading = []
        for key in (made[0]["key"], made[1]["key"], ann.token):
            headers = {"Authorization": f"Bearer {key}"}
            reading.append(asyncio.create_task(service.http.post("/v1/chat/completions", json=body, headers=headers)))
        await until(lambda: len(model.asked) == 3)
        assert (await ann.http.delete(f"/api/auth/keys/{made[0]['id']}")).status_code == 204
        assert '"key_revoked"' in (await reading[0]).text
        open_gate(model)
        for other in reading[1:]:
            assert '"finish_reason":"stop"' in (await other).text


async def test_a_plain_answer_a_tool_and_a_background_run_end_too(start: Start, model: ScriptedChat) -> None:
    async with start(**LOGIN) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        model.replies, model.repeat, model.gate = ["word " * 100], True, asyncio.Semaphore(0)
        code = (
            "open('began', 'w').close()\nimport time\nwhile True:\n  try: time.sleep(100)\n  except BaseException: pass"
        )
        plain = asyncio.create_task(ann.http.post("/v1/chat/completions", json={"messages": HI}))
        background = await ann.http.post("/v1/chat/completions", json={"messages": HI, "background": True})
        assert background.status_code == 202
        tool = asyncio.create_task(ann.http.post("/api/tools/python_coder", json={"input": {"code": code}}))
        text = asyncio.create_task(ann.http.post("/v1/completions", json={"prompt": "a", "model": "x"}))
        await until(lambda: len(list(service.settings.sessions_dir.glob("*/began"))) == 1, 30)
        await until(lambda: len(model.asked) == 2)
        await disable(service, boss, ann)
        for answer in await asyncio.gather(plain, tool):
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "account_disabled")
        await asyncio.gather(text)
        await until(lambda: service.idle)
        assert model.finished == 0


async def test_kernels_of_a_disabled_user_end_and_keep_their_variables(start: Start, model: ScriptedChat) -> None:
    others = set(psutil.Process().children(recursive=True))
    async with (
        start(**LOGIN, own_fork_servers=True) as service,
        person(service, "boss") as boss,
        person(service, "ann") as ann,
        person(service, "bob") as bob,
    ):
        code = "kept = 41; 1"
        sessions = []
        for who in (ann, bob):
            made = await who.http.post("/api/tools/python_coder", json={"input": {"code": code}})
            sessions.append(made.json()["session_id"])

        def kernels() -> set[psutil.Process]:
            found = set(psutil.Process().children(recursive=True)) - others
            return {process for process in found if not ended(process) and process.cwd() == WORK}

        await until(lambda: len(kernels()) == 2)
        before = kernels()
        await disable(service, boss, ann)
        await until(lambda: len(before & kernels()) == 1)
        await boss.http.patch("/api/admin/users/ann", json={"disabled": False})
        headers = {"Authorization": f"Bearer {(await _log_in(service)).json()['access_token']}"}
        body = {"input": {"code": "kept + 1"}, "session_id": sessions[0]}
        again = await service.http.post("/api/tools/python_coder", json=body, headers=headers)
        assert again.json()["output"] == "42"
    await all_end(before)


async def _log_in(service: Service) -> httpx.Response:
    return await service.http.post("/api/auth/login", json={"username": "ann", "password": PASSWORD})


async def test_a_websocket_is_told_and_closed(start: Start, model: ScriptedChat) -> None:
    async with start(**LOGIN) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        model.replies, model.repeat, model.gate = ["word " * 100], True, asyncio.Semaphore(3)
        address = service.url.replace("http", "ws") + "/api/ws"
        offered = [Subprotocol("llm-api"), Subprotocol(f"bearer.{ann.token}")]
        async with connect(address, subprotocols=offered) as busy, connect(address, subprotocols=offered) as idle:
            await busy.send(json.dumps({"type": "send", "id": "1", "request": {"messages": HI}}))
            await until(lambda: len(model.asked) == 1)
            await disable(service, boss, ann)
            heard: list[dict[str, Any]] = []
            for socket in (busy, idle):
                with pytest.raises(ConnectionClosed) as closed:
                    async with asyncio.timeout(10):
                        while True:
                            heard.append(json.loads(await socket.recv()))
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1008
        assert [message["type"] for message in heard[-3:]] == ["done", "error", "error"]
        assert heard[-4]["data"]["error"]["code"] == "account_disabled"
        assert heard[-1]["error"]["code"] == "account_disabled"


async def test_who_changes_a_limit_or_enables_somebody_ends_nothing(start: Start, model: ScriptedChat) -> None:
    async with start(**LOGIN) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        model.replies, model.gate = [python_step("1"), "Final Answer: fine"], asyncio.Semaphore(0)
        asking = asyncio.create_task(ann.http.post("/v1/chat/completions", json={"messages": HI, "model": "react"}))
        await until(lambda: len(model.asked) == 1)
        changes = {"disabled": False, "limits": {"concurrent_runs": 5}}
        assert (await boss.http.patch("/api/admin/users/ann", json=changes)).is_success
        open_gate(model)
        assert (await asking).json()["choices"][0]["message"]["content"] == "fine"
