"""Administration: permissions, and what can never be done."""

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api import cli as command
from llm.scripted import ScriptedChat
from tests.people import LOGIN, PASSWORD, Start, chat, log_in, person
from tests.serving import running, settings_for

USERS = "/api/admin/users"


async def test_the_last_administrator_stays_one(start: Start) -> None:
    async with start(**LOGIN) as service, person(service, "boss") as boss:
        for body in ({"role": "user"}, {"disabled": True}, {"role": "guest", "disabled": True}):
            answer = await boss.http.patch(f"{USERS}/boss", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "last_admin")
        assert (await boss.http.delete(f"{USERS}/boss")).status_code == 409
        assert (await boss.http.patch(f"{USERS}/boss", json={"limits": {"disk_mb": 5}})).status_code == 200
        async with person(service, "ann", "admin") as ann:
            both = (
                boss.http.patch(f"{USERS}/ann", json={"role": "user"}),
                ann.http.patch(f"{USERS}/boss", json={"disabled": True}),
            )
            assert sorted(a.status_code for a in await asyncio.gather(*both)) in ([200, 403], [200, 401], [200, 409])


async def test_a_role_counts_from_the_next_request_on(start: Start) -> None:
    async with start(**LOGIN) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        assert (await ann.http.get(USERS)).status_code == 403
        await boss.http.patch(f"{USERS}/ANN", json={"role": "admin"})
        assert (await ann.http.get(USERS)).status_code == 200


async def test_users_are_listed_page_by_page(start: Start) -> None:
    async with start(**LOGIN) as service, person(service, "boss") as boss:
        for name in ("dora", "Carl", "ann", "bea"):
            await boss.http.post(USERS, json={"username": name, "password": PASSWORD})
        first = (await boss.http.get(USERS, params={"limit": 3})).json()
        assert [user["username"] for user in first["users"]] == ["ann", "bea", "boss"]
        second = (await boss.http.get(USERS, params={"limit": 3, "after": first["next"]})).json()
        assert [user["username"] for user in second["users"]] == ["Carl", "dora"]
        assert second["next"] is None
        assert "argon2" not in str(first)


async def test_changes_that_are_none_are_refused(start: Start) -> None:
    async with start(**LOGIN) as service, person(service, "boss") as boss:
        bad: list[dict[str, Any]] = [
            {"role": "root"},
            {"password": "battery staple"},
            {"limits": {"disk_mb": -1}},
            {"limits": {"disk_mb": 2**63}},
            {"limits": {"other": 1}},
            {"disabled": "perhaps"},
        ]
        for body in bad:
            assert (await boss.http.patch(f"{USERS}/boss", json=body)).status_code == 400, body
        assert (await boss.http.patch(f"{USERS}/boss", json={})).status_code == 200
        for name in ("nobody", "local", "%2e%2e", "boss'--"):
            assert (await boss.http.patch(f"{USERS}/{name}", json={"role": "admin"})).status_code == 404, name


async def test_the_default_model_is_chosen_for_all_without_a_restart(tmp_path: Path) -> None:
    small, large = (ScriptedChat(name_=name, replies=[name], repeat=True) for name in ("small", "large"))
    settings = settings_for(tmp_path / "data", **LOGIN)
    async with (
        running(settings, small, large) as service,
        person(service, "boss") as boss,
        person(service, "ann") as ann,
    ):
        assert await answer_of(ann) == ("small", "small")
        assert (await ann.http.post("/api/admin/model", json={"model": "large"})).status_code == 403
        chosen = await boss.http.post("/api/admin/model", json={"model": "large"})
        assert chosen.json() == {"model": "large", "available": ["small", "large"]}
        assert await answer_of(ann) == ("large", "large")
        assert await answer_of(ann, model="small") == ("small", "small")
        unknown = await boss.http.post("/api/admin/model", json={"model": "huge"})
        assert (unknown.status_code, unknown.json()["error"]["param"]) == (404, "model")
        assert {"small", "large"} <= {m["id"] for m in (await ann.http.get("/v1/models")).json()["data"]}
    async with running(settings, small, large) as service, person(service, "boss") as boss:
        assert (await boss.http.get("/api/admin/model")).json()["model"] == "large"
    async with running(settings, small) as service, person(service, "boss") as boss:
        assert (await boss.http.get("/api/admin/model")).json()["model"] == "small"


async def answer_of(someone: Any, **fields: Any) -> tuple[str, str]:
    body = (await chat(someone, **fields)).json()
    return body["model"], body["choices"][0]["message"]["content"]


async def test_users_choose_their_own_model(tmp_path: Path) -> None:
    small, large = (ScriptedChat(name_=name, replies=[name], repeat=True) for name in ("small", "large"))
    settings = settings_for(tmp_path / "data", **LOGIN)
    async with running(settings, small, large) as service, person(service, "ann") as ann, person(service, "bob") as bob:
        chosen = await ann.http.put("/api/auth/me/model", json={"model": "large"})
        assert chosen.json() == {"model": "large", "available": ["small", "large"]}
        assert await answer_of(ann) == ("large", "large")
        assert await answer_of(ann, model="small") == ("small", "small")
        assert await answer_of(bob) == ("small", "small")
        assert (await ann.http.put("/api/auth/me/model", json={"model": "huge"})).status_code == 404
    async with running(settings, small, large) as service, person(service, "boss") as boss:
        token = await log_in(service, "ann")
        headers = {"Authorization": f"Bearer {token}"}
        kept = await boss.http.get("/api/auth/me/model", headers=headers)
        assert kept.json()["model"] == "large", "after a restart"
        back = await boss.http.put("/api/auth/me/model", json={"model": None}, headers=headers)
        assert back.json()["model"] == "small"


async def test_users_choose_no_model_where_the_administrator_does(tmp_path: Path) -> None:
    small, large = (ScriptedChat(name_=name, replies=[name], repeat=True) for name in ("small", "large"))
    settings = settings_for(tmp_path / "data", allow_model_choice=False, **LOGIN)
    async with (
        running(settings, small, large) as service,
        person(service, "ann") as ann,
        person(service, "boss") as boss,
    ):
        assert (await ann.http.put("/api/auth/me/model", json={"model": "large"})).status_code == 403
        refused = await chat(ann, model="large")
        assert (refused.status_code, refused.json()["error"]["param"]) == (403, "model")
        assert await answer_of(ann) == ("small", "small")
        own = await boss.http.put("/api/auth/me/model", json={"model": "large"})
        assert own.json()["model"] == "large"
        assert await answer_of(boss) == ("large", "large")


async def test_usage_of_all_is_told_by_user(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    async with start(**LOGIN) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        await chat(ann)
        (day,) = (await boss.http.get("/api/admin/usage", params={"user": "Ann"})).json()["days"]
        assert (day["username"], day["runs"]) == ("ann", 1)
        assert (await boss.http.get("/api/admin/usage", params={"days": 0})).status_code == 400


async def test_guests_chat_and_nothing_else(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    async with start(**LOGIN) as service, person(service, "gil", "guest") as gil:
        for fields in ({}, {"agent_type": "react"}, {"model": "react"}, {"agent_type": "auto"}):
            answer = (await chat(gil, **fields)).json()
            assert answer["x_agent_metadata"]["agent_type"] == "chat"
            assert answer["choices"][0]["message"]["content"] == "hello"
        form = {"messages": '[{"role": "user", "content": "hi"}]'}
        files = {"files": ("a.txt", b"x")}
        assert (await gil.http.post("/v1/chat/completions", data=form, files=files)).status_code == 403
        assert (await gil.http.post("/api/upload", files=files)).status_code == 403
        body = {"input": {"code": "1"}}
        assert (await gil.http.post("/api/tools/python_coder", json=body)).status_code == 403


@dataclass(frozen=True)
class Done:
    """The output of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def admin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The command line on the test's data folder, in this process."""

    def run(*arguments: str, stdin: str = "", **values: Any) -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = command.main(["admin", *arguments], settings_for(tmp_path / "data", **values))
        return Done(code, *capsys.readouterr())

    return run


async def test_the_command_line_does_the_same_beside_a_running_service(
    start: Start, admin: Callable[..., Done]
) -> None:
    async with start(auth_required="true") as service:

        async def run(*arguments: str, stdin: str = "") -> Done:
            return await asyncio.to_thread(admin, *arguments, stdin=stdin)

        made = await run("create", "ann", "--password-stdin", stdin=f"{PASSWORD}\n")
        assert (made.code, made.out) == (0, "ann is admin\n")
        assert (await run("create", "ANN", "--password-stdin", stdin=f"{PASSWORD}\n")).code == 1
        headers = {"Authorization": f"Bearer {await log_in(service, 'ann')}"}
        assert (await service.http.get(USERS, headers=headers)).status_code == 200
        last = await run("disable", "ann")
        assert (last.code, last.err) == (1, "llm-api: the last administrator cannot be removed\n")
        await run("create", "bob", "--role", "user", "--password-stdin", stdin=f"{PASSWORD}\n")
        assert (await run("disable", "bob")).out == "bob is now disabled\n"
        assert "disabled" in (await run("list")).out
        assert (await run("enable", "bob")).code == 0
        assert (await run("reset-password", "bob", "--password-stdin", stdin="battery staple\n")).code == 0
        await log_in(service, "bob", "battery staple")
        lines = service.settings.audit_file.read_text()
        assert '"action": "admin reset-password", "target": "bob"' in lines
        assert PASSWORD not in lines


def test_what_the_command_line_refuses_is_one_clear_line(admin: Callable[..., Done]) -> None:
    for arguments, stdin, said in (
        (("create", "a b", "--password-stdin"), "long enough", "a name may have"),
        (("create", "local", "--password-stdin"), "long enough", "must not be 'local'"),
        (("create", "ann", "--password-stdin"), "short", "a password must have 8"),
        (("create", "ann"), "", "no terminal"),
        (("disable", "ann"), "", "there is no user ann"),
    ):
        done = admin(*arguments, stdin=stdin)
        assert done.code == 1
        assert said in done.err
        assert done.err.count("\n") == 1, done.err
    assert "SECRET_KEY_PREVIOUS" in admin("rotate-secret", secret_key="x" * 32).err


def test_the_command_line_is_reached_by_its_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", "admin", "list"],
        env=os.environ | {"DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("name")


@pytest.mark.parametrize("changes", [{"limits": {"disk_mb": False}}, {"limits": {"disk_mb": "7"}}, {"disabled": "no"}])
async def test_regression_a_change_of_another_type_was_taken(start: Start, changes: dict[str, Any]) -> None:
    async with start(**LOGIN) as service, person(service, "boss") as boss:
        assert (await boss.http.patch(f"{USERS}/boss", json=changes)).status_code == 400
