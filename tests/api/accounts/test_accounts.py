"""Registration and login: who may log in, with which role, and how often they may guess."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

from api.accounts.login_backoff import MAX_TRACKED, Attempts, Rule, network_of
from tests.people import LOGIN, PASSWORD, Start, chat, log_in, person
from tests.serving import Service

REGISTER, LOG_IN, ME = "/api/auth/register", "/api/auth/login", "/api/auth/me"


def account(name: str, **more: Any) -> dict[str, Any]:
    return {"username": name, "password": PASSWORD, **more}


async def test_the_flow_of_a_client_signup_to_artifacts(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    async with start(**LOGIN) as service:
        http = service.http
        assert (await http.post("/api/auth/signup", json=account("ann"))).status_code == 201
        token = (await http.post(LOG_IN, data=account("ann"))).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        assert (await http.get("/v1/models")).json()["data"]
        form = {"messages": json.dumps([{"role": "user", "content": "hi"}]), "model": "chat"}
        first = await http.post("/api/chat/completions", data=form, files={"files": ("a.txt", b"hello")})
        session = first.json()["x_session_id"]
        again = await http.post("/api/chat/completions", data=form | {"session_id": session})
        assert again.json()["x_session_id"] == session
        assert [s["session_id"] for s in (await http.get("/api/chat/sessions")).json()["sessions"]] == [session]
        history = (await http.get(f"/api/chat/history/{session}")).json()["messages"]
        assert [message["role"] for message in history] == ["user", "assistant"] * 2
        (artifact,) = (await http.get(f"/api/chat/sessions/{session}/artifacts")).json()["artifacts"]
        assert (await http.get(artifact["url"])).content == b"hello"


async def test_nobody_registers_as_more_than_a_user(start: Start) -> None:
    async with start(**LOGIN) as service:
        wishes: tuple[dict[str, Any], ...] = (
            {"role": "admin"},
            {"is_admin": True, "roles": ["admin"]},
            {"id": "local"},
        )
        for at, more in enumerate(wishes):
            made = await service.http.post(REGISTER, json=account(f"eve{at}", **more))
            assert (made.status_code, made.json()["role"]) == (201, "user")
            assert made.json()["id"].startswith("u_")
            headers = {"Authorization": f"Bearer {await log_in(service, f'eve{at}')}"}
            assert (await service.http.get("/api/admin/users", headers=headers)).status_code == 403


async def test_a_name_is_given_once_however_many_ask_for_it(start: Start) -> None:
    async with start(**LOGIN) as service:
        asked = [service.http.post(REGISTER, json=account(name)) for name in ("Ann", "ann", "ANN", "aNN", "ann")]
        statuses = sorted(answer.status_code for answer in await asyncio.gather(*asked))
        assert statuses == [201, 409, 409, 409, 409]


async def test_names_that_mean_more_are_not_given_away(start: Start) -> None:
    async with start(**LOGIN) as service:
        for name in ("local", "Admin", "root", "system"):
            assert (await service.http.post(REGISTER, json=account(name))).status_code == 409


async def test_names_and_passwords_that_are_none(start: Start) -> None:
    names = ["", "a" * 65, "a b", "../x", "ann\n", "-ann", "änn", "ann\x00", "a/b", "\ud83d", 7, None]
    passwords = ["", "short", "x" * 1025, 12345678, None, ["a"] * 8, "\ud83d" * 8]
    bad = [({"username": name, "password": PASSWORD}, "username") for name in names]
    bad += [({"username": "ann", "password": password}, "password") for password in passwords]
    async with start(**LOGIN) as service:
        for body, param in bad:
            headers = {"content-type": "application/json"}
            answer = await service.http.post(REGISTER, content=json.dumps(body), headers=headers)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), body
            assert "x" * 1025 not in answer.text


async def test_bodies_that_are_none(start: Start) -> None:
    async with start(**LOGIN) as service:
        for path in (REGISTER, LOG_IN):
            for body in ("{", "[]", "null", '"a"', "[" * 100_000):
                answer = await service.http.post(path, content=body, headers={"content-type": "application/json"})
                assert answer.status_code == 400
            many = {f"f{at}": "x" for at in range(100)}
            assert (await service.http.post(path, files={"f": ("a", b"x")}, data=many)).status_code == 400
            answer = await service.http.post(path, content="a", headers={"content-type": "text/xml"})
            assert answer.status_code == 415


async def test_registration_can_be_closed(start: Start) -> None:
    async with start(**LOGIN, allow_registration=False) as service:
        answer = await service.http.post(REGISTER, json=account("ann"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "registration_closed")


SQL = [
    "' OR '1'='1",
    "'; DROP TABLE users; --",
    '" OR ""="',
    "boss'--",
    "%",
    "_",
    "\\",
    "'||(SELECT password FROM users)||'",
]


async def test_sql_is_text_in_every_field(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    settings = LOGIN | {"user_requests_per_minute": 0}
    async with start(**settings) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        for text in SQL:
            for body in ({"username": text, "password": PASSWORD}, {"username": f"b{text}", "password": text}):
                assert (await service.http.post(LOG_IN, json=body)).status_code == 401
            assert (await service.http.post(REGISTER, json=account(text))).status_code == 400
            assert (await ann.http.post("/api/auth/keys", json={"name": text})).json()["name"] == text
            for path in ("/api/auth/keys/{}", "/api/conversations/{}", "/api/files/{}"):
                assert (await ann.http.delete(path.format(quote(text, safe="")))).status_code == 404
            assert (await chat(ann, session_id=text)).status_code == 400
            assert (await chat(ann, model=text)).status_code == 404
            session = (await chat(ann, messages=[{"role": "user", "content": text}])).json()["x_session_id"]
            renamed = await ann.http.patch(f"/api/conversations/{session}", json={"title": text})
            assert renamed.json()["title"] == text
            assert (await ann.http.get("/api/conversations", params={"q": text})).status_code == 200
            assert (await boss.http.get("/api/admin/usage", params={"user": text})).json()["days"] == []
            assert (await boss.http.post("/api/admin/model", json={"model": text})).status_code == 404
            assert (await boss.http.get("/api/admin/users", params={"after": text})).status_code == 200
            assert len((await boss.http.get("/api/admin/users")).json()["users"]) == 2


async def test_guessing_is_slowed_and_the_right_password_waits_too(start: Start) -> None:
    async with start(**LOGIN) as service:
        assert [(await guess(service)).status_code for _ in range(5)] == [401] * 5
        refused = await guess(service, PASSWORD)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["code"] == "too_many_attempts"
        assert (await service.http.post(LOG_IN, json=account("somebody-else"))).status_code == 401


async def test_guesses_sent_at_once_are_counted_one_by_one(start: Start) -> None:
    async with start(**LOGIN) as service:
        answers = await asyncio.gather(*(guess(service) for _ in range(20)))
        assert sorted({answer.status_code for answer in answers}) == [401, 429]
        assert [answer.status_code for answer in answers].count(401) == 5


async def test_a_wrong_name_and_a_wrong_password_are_told_alike(start: Start) -> None:
    async with start(**LOGIN) as service:
        wrong = await guess(service)
        unknown = await service.http.post(LOG_IN, json=account("nobody"))
        assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())


async def test_passwords_are_guessed_through_the_change_of_password_no_faster(start: Start) -> None:
    async with start(**LOGIN) as service, person(service, "ann") as ann:
        body = {"old_password": "wrong", "new_password": "battery staple"}
        statuses = [(await ann.http.post("/api/auth/password", json=body)).status_code for _ in range(6)]
        assert statuses == [400] * 5 + [429]


async def guess(service: Service, password: str = "a guess") -> Any:
    return await service.http.post(LOG_IN, json={"username": "boss", "password": password})


def test_waits_double_end_and_are_forgotten() -> None:
    now = 0.0
    attempts = Attempts({"pair": Rule(free=2, longest=8)}, lambda: now)
    key = ("pair", "ann", "1.2.3.4")
    waits = []
    for _ in range(7):
        while (wait := attempts.take(key)) > 0:
            waits.append(wait)
            now += wait
    assert waits == [1, 2, 4, 8, 8]
    now += 3601
    assert attempts.take(key) == 0
    assert attempts.take(key) == 0
    attempts.forgive(key)
    assert [attempts.take(key) for _ in range(2)] == [0, 0]


def test_attempts_are_remembered_within_bounds() -> None:
    attempts = Attempts({"pair": Rule(free=1, longest=900)}, lambda: 0.0)
    for at in range(MAX_TRACKED + 100):
        attempts.take(("pair", str(at)))
    assert len(attempts._records) == MAX_TRACKED


def test_one_ipv6_network_is_one_address() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:1.2.3.4") == network_of("1.2.3.4") == "1.2.3.4"
