"""Invalid tokens and keys: forged, expired, of another key or service, of deleted or disabled users."""

import asyncio
import base64
import json
import stat
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from api import cli as command
from api.accounts.tokens import KeyFile, SigningKeyError
from tests.people import LOGIN, PASSWORD, Start, chat, log_in, person
from tests.serving import Service

ME = "/api/auth/me"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}".rstrip()}


def signed(claims: dict[str, Any], secret: str, kid: str, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm, headers={"kid": kid})


def key_of(service: Service) -> tuple[str, str]:
    key = json.loads(service.settings.secret_file.read_text())["keys"][0]
    return key["kid"], key["secret"]


def without_signature(claims: dict[str, Any], kid: str) -> str:
    parts = [{"alg": "none", "typ": "JWT", "kid": kid}, claims]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*coded, ""])


async def test_only_the_token_as_it_was_issued_opens_anything(start: Start) -> None:
    async with start(**LOGIN) as service, person(service, "ann") as ann:
        kid, secret = key_of(service)
        good = jwt.decode(ann.token, options={"verify_signature": False})
        assert (await service.http.get(ME, headers=bearer(signed(good, secret, kid)))).status_code == 200
        past = {"iat": 1_000, "nbf": 1_000, "exp": 2_000}
        soon = int(time.time()) + 3600
        head, body, signature = ann.token.split(".")
        bad = {
            "forged body": f"{head}.{body[:-4]}AAAA.{signature}",
            "no signature": f"{head}.{body}.",
            "alg none": without_signature(good, kid),
            "alg none in capitals": without_signature(good, kid).replace("bm9uZSI", "Tm9OZSI"),
            "another key": signed(good, "x" * 43, kid),
            "an empty key": signed(good, "\0" * 32, kid),
            "unknown key id": signed(good, secret, "other"),
            "key id that is a path": signed(good, "x" * 43, "../../dev/null"),
            "no key id": jwt.encode(good, secret, "HS256"),
            "another algorithm": signed(good, secret + secret, kid, "HS512"),
            "expired": signed(good | past, secret, kid),
            "not yet valid": signed(good | {"nbf": soon}, secret, kid),
            "issued in the future": signed(good | {"iat": soon}, secret, kid),
            "wrong audience": signed(good | {"aud": "another"}, secret, kid),
            "wrong issuer": signed(good | {"iss": "another"}, secret, kid),
            "never expires": signed({k: v for k, v in good.items() if k != "exp"}, secret, kid),
            "nobody": signed({k: v for k, v in good.items() if k != "sub"}, secret, kid),
            "somebody unknown": signed(good | {"sub": "u_unknown"}, secret, kid),
            "the local user": signed(good | {"sub": "local"}, secret, kid),
            "another generation": signed(good | {"gen": 1}, secret, kid),
            "generation true": signed(good | {"gen": False}, secret, kid),
            "no token": "",
            "a word": "letmein",
            "two words": f"{ann.token} {ann.token}",
            "a key of nobody's": "sk-" + "A" * 43,
            "long": "a" * 9_000,
        }
        for name, token in bad.items():
            answer = await service.http.get(ME, headers=bearer(token))
            assert answer.status_code == 401, name
            assert answer.headers["www-authenticate"] == "Bearer", name
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}, name
        for value in (f"Basic {ann.token}", ann.token, "Bearer"):
            assert (await service.http.get(ME, headers={"Authorization": value})).status_code == 401, value
        twice = [("Authorization", f"Bearer {ann.token}"), ("Authorization", "Bearer x")]
        assert (await service.http.get(ME, headers=twice)).status_code == 401


async def test_a_disabled_user_is_out_at_once_and_old_tokens_stay_out(start: Start) -> None:
    async with start(**LOGIN) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        key = (await ann.http.post("/api/auth/keys", json={"name": "k"})).json()["key"]
        assert (await boss.http.patch("/api/admin/users/ann", json={"disabled": True})).status_code == 200
        assert (await ann.http.get(ME)).status_code == 401
        assert (await service.http.get(ME, headers=bearer(key))).status_code == 401
        wrong = await service.http.post("/api/auth/login", json={"username": "ann", "password": PASSWORD})
        assert wrong.status_code == 401
        assert (await boss.http.patch("/api/admin/users/ann", json={"disabled": False})).status_code == 200
        assert (await ann.http.get(ME)).status_code == 401
        assert (await service.http.get(ME, headers=bearer(key))).status_code == 200
        assert (await service.http.get(ME, headers=bearer(await log_in(service, "ann")))).status_code == 200


async def test_a_deleted_user_leaves_nothing_and_their_token_opens_nothing(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    async with start(**LOGIN) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        me = (await ann.http.get(ME)).json()["id"]
        key = (await ann.http.post("/api/auth/keys", json={"name": "k"})).json()["key"]
        session = (await chat(ann)).json()["x_session_id"]
        assert (await ann.http.post("/api/upload", files={"files": ("a.txt", b"secret plan")})).status_code == 201
        assert (await boss.http.delete("/api/admin/users/ann")).status_code == 204
        for token in (ann.token, key):
            assert (await service.http.get(ME, headers=bearer(token))).status_code == 401
        assert not (service.settings.data_dir / "sessions" / session).exists()
        assert not service.settings.user_dir(me).exists()
        assert (await boss.http.delete("/api/admin/users/ann")).status_code == 404
        assert (await boss.http.get("/api/admin/usage", params={"days": 1})).json()["days"] == []
        async with person(service, "ann") as another:
            assert (await another.http.get(ME)).json()["id"] != me
            assert (await another.http.get(f"/api/conversations/{session}")).status_code == 404


async def test_another_password_ends_the_tokens_before_it(start: Start) -> None:
    async with start(**LOGIN) as service, person(service, "ann") as ann:
        body = {"old_password": "wrong one", "new_password": "battery staple"}
        refused = await ann.http.post("/api/auth/password", json=body)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "old_password")
        changed = await ann.http.post("/api/auth/password", json=body | {"old_password": PASSWORD})
        assert changed.status_code == 200
        assert (await ann.http.get(ME)).status_code == 401
        new = changed.json()["access_token"]
        assert (await service.http.get(ME, headers=bearer(new))).status_code == 200
        await log_in(service, "ann", "battery staple")


async def test_keys_are_shown_once_listed_and_revoked(start: Start) -> None:
    async with start(**LOGIN) as service, person(service, "ann") as ann, person(service, "bob") as bob:
        made = (await ann.http.post("/api/auth/keys", json={"name": "laptop"})).json()
        assert made["key"].startswith(made["prefix"])
        assert (await service.http.get(ME, headers=bearer(made["key"]))).json()["username"] == "ann"
        (listed,) = (await ann.http.get("/api/auth/keys")).json()["keys"]
        assert "key" not in listed
        assert listed["last_used"] is not None
        database = service.settings.database
        stored = b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
        assert made["key"].encode() not in stored
        assert (await bob.http.delete(f"/api/auth/keys/{made['id']}")).status_code == 404
        assert (await ann.http.delete(f"/api/auth/keys/{made['id']}")).status_code == 204
        assert (await service.http.get(ME, headers=bearer(made["key"]))).status_code == 401
        assert (await ann.http.delete(f"/api/auth/keys/{made['id']}")).status_code == 404


async def test_keys_made_at_once_stay_within_their_number(start: Start) -> None:
    async with start(**LOGIN, user_requests_per_minute=0) as service, person(service, "ann") as ann:
        asked = [ann.http.post("/api/auth/keys", json={"name": str(at)}) for at in range(105)]
        statuses = [answer.status_code for answer in await asyncio.gather(*asked)]
        assert (statuses.count(201), statuses.count(409)) == (100, 5)


async def test_without_a_login_any_word_is_local_but_a_real_token_counts(start: Start) -> None:
    """OpenAI's clients insist on a key, so people send any word; a token of ours is never mistaken for one."""
    async with start(admin_username="boss", admin_password=PASSWORD) as service:
        for headers in ({}, bearer("none"), bearer("sk-anything"), {"Authorization": "Basic eDp5"}):
            assert (await service.http.get(ME, headers=headers)).json()["id"] == "local"
        token = await log_in(service, "boss")
        assert (await service.http.get(ME, headers=bearer(token))).json()["username"] == "boss"
        assert (await service.http.get(ME, headers=bearer(token[:-2]))).status_code == 401
        assert (await service.http.get(ME, headers=bearer("sk-" + "A" * 43))).status_code == 401
        assert (await service.http.post("/api/auth/keys", json={"name": "k"})).status_code == 400


async def test_the_official_client_takes_a_key(start: Start, model: Any) -> None:
    model.replies = ["hello"]
    async with start(**LOGIN) as service, person(service, "ann") as ann:
        key = (await ann.http.post("/api/auth/keys", json={"name": "sdk"})).json()["key"]
        client = service.client.with_options(api_key=key)
        answer = await client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "hi"}])
        assert answer.choices[0].message.content == "hello"


async def test_the_secret_is_private_and_outlives_a_restart(start: Start) -> None:
    async with start(**LOGIN) as service:
        token = await log_in(service, "boss")
        assert stat.S_IMODE(service.settings.secret_file.stat().st_mode) == 0o600
    async with start(**LOGIN) as service:
        assert (await service.http.get(ME, headers=bearer(token))).status_code == 200


async def test_a_rotated_key_goes_on_verifying_until_its_tokens_have_expired(start: Start) -> None:
    async with start(**LOGIN) as service:
        old = await log_in(service, "boss")
        rotate(service)
        new = await log_in(service, "boss")
        assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
        for token in (old, new):
            assert (await service.http.get(ME, headers=bearer(token))).status_code == 200
        rotate(service, "--at-once")
        for token in (old, new):
            assert (await service.http.get(ME, headers=bearer(token))).status_code == 401
        assert stat.S_IMODE(service.settings.secret_file.stat().st_mode) == 0o600


def rotate(service: Service, *options: str) -> None:
    assert command.main(["admin", "rotate-secret", *options], service.settings) == 0


async def test_keys_of_the_environment_are_rotated_by_the_previous_one(start: Start) -> None:
    first, second = "a" * 32, "b" * 32
    async with start(**LOGIN, secret_key=first) as service:
        old = await log_in(service, "boss")
        assert not service.settings.secret_file.exists()
    async with start(**LOGIN, secret_key=second, secret_key_previous=first) as service:
        assert (await service.http.get(ME, headers=bearer(old))).status_code == 200
        new = await log_in(service, "boss")
    async with start(**LOGIN, secret_key=second) as service:
        assert (await service.http.get(ME, headers=bearer(old))).status_code == 401
        assert (await service.http.get(ME, headers=bearer(new))).status_code == 200


def test_keys_past_their_time_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    first = KeyFile(path).all()[0]
    keys = KeyFile(path)
    second = keys.rotate(3600)
    assert [key.kid for key in keys.all()] == [second.kid, first.kid]
    entries = json.loads(path.read_text())["keys"]
    entries[1]["until"] = time.time() - 1
    path.write_text(json.dumps({"keys": entries}))
    assert [key.kid for key in KeyFile(path).all()] == [second.kid]


@pytest.mark.parametrize("text", ["", "{}", '{"keys": []}', '{"keys": [{"kid": "a", "secret": "short"}]}', "[1]"])
def test_a_damaged_file_of_keys_is_never_replaced_in_silence(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret.key").write_text(text)
    with pytest.raises(SigningKeyError):
        KeyFile(tmp_path / "secret.key")
    assert (tmp_path / "secret.key").read_text() == text
