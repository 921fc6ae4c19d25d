"""The audit log and the log: who did what, and never a secret or any content."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from api.middleware.logging import Json, Texts, request_id
from tests.people import LOGIN, PASSWORD, Start, chat, log_in, person

WORDS = "the plan is codename walrus"
ANSWER = "an answer about penguins"


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Everything that is logged at INFO and above, as both formats have it."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.extend(formatter.format(record) for formatter in (Json(), Texts()))

    root, handler = logging.getLogger(), Keep(logging.INFO)
    handler.addFilter(lambda record: record.name != "httpx")  # the test's own client; the service's is kept quiet
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


async def test_neither_log_holds_a_secret_or_a_word(start: Start, model: Any, logged: list[str]) -> None:
    model.replies, model.repeat = [f"Final Answer: {ANSWER}"], True
    settings = LOGIN | {"secret_key": "k" * 40}
    async with start(**settings) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        made = (await ann.http.post("/api/auth/keys", json={"name": "laptop"})).json()
        message = [{"role": "user", "content": WORDS}]
        session = (await chat(ann, messages=message)).json()["x_session_id"]
        await chat(ann, messages=message, agent_type="react", stream=True, session_id=session)
        await chat(ann, messages=message, temperature=WORDS)
        await chat(ann, messages=message, session_id=WORDS)
        await ann.http.get("/api/conversations", params={"q": WORDS})
        await ann.http.patch(f"/api/conversations/{session}", json={"title": WORDS})
        await ann.http.post("/api/upload", files={"files": ("a.txt", WORDS.encode())})
        await ann.http.post("/api/tools/python_coder", json={"input": {"code": f"print('{WORDS}'"}})
        change = {"old_password": PASSWORD, "new_password": "battery staple"}
        new = (await ann.http.post("/api/auth/password", json=change)).json()["access_token"]
        await service.http.post("/api/auth/login", json={"username": "battery staple", "password": "x"})
        await service.http.get("/api/auth/me", headers={"Authorization": "Bearer forged.token.here"})
        await boss.http.patch("/api/admin/users/ann", json={"disabled": True})
    audit = service.settings.audit_file.read_text()
    everything = "\n".join(logged) + audit
    assert len(logged) > 20
    secrets = {
        "token": ann.token,
        "signature": ann.token.rpartition(".")[2],
        "new token": new,
        "key": made["key"],
        "password": PASSWORD,
        "new password": "battery staple",
        "secret": "k" * 40,
        "words": "walrus",
        "answer": "penguins",
        "forged": "forged.token",
        "hash": "$argon2",
    }
    assert [name for name, secret in secrets.items() if secret in everything] == []


async def test_the_audit_log_says_who_what_when_and_from_where(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    async with start(**LOGIN) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        session = (await chat(ann)).json()["x_session_id"]
        me = (await ann.http.get("/api/auth/me")).json()["id"]
        done = await ann.http.delete(f"/api/conversations/{session}", headers={"x-request-id": "one"})
        await boss.http.patch("/api/admin/users/ann", json={"role": "guest"}, headers={"x-request-id": "two"})
        await ann.http.get("/api/admin/users", headers={"x-request-id": "three"})
        guess = {"username": "ann", "password": "a guess"}
        await service.http.post("/api/auth/login", json=guess, headers={"x-request-id": "four"})
    # A line is written concurrently with its response: all are there, in any order, once the service has stopped.
    lines = {line["request"]: line for line in map(json.loads, service.settings.audit_file.read_text().splitlines())}
    deleted, changed, peeked, guessed = (lines[name] for name in ("one", "two", "three", "four"))
    assert done.status_code == 200
    assert deleted.pop("at").endswith("Z")
    assert deleted == {
        "user": me,
        "name": "ann",
        "action": "DELETE /api/conversations/{session_id}",
        "target": session,
        "status": 200,
        "from": "127.0.0.1",
        "request": "one",
    }
    assert (changed["name"], changed["action"], changed["target"]) == (
        "boss",
        "PATCH /api/admin/users/{name}",
        "ann role=guest",
    )
    assert (peeked["name"], peeked["status"]) == ("ann", 403)
    assert (guessed["user"], guessed["target"], guessed["status"]) == (None, "ann", 401)


async def test_a_log_line_carries_the_id_of_its_request(start: Start, logged: list[str]) -> None:
    async with start(**LOGIN) as service:
        await service.http.get("/health?q=secret", headers={"x-request-id": "find-me"})
        await log_in(service, "boss")
    (line,) = [json.loads(line) for line in logged if '"find-me"' in line]
    assert (line["logger"], line["status"], line["path"], line["user"]) == ("api.access", 200, "/health", None)


def test_a_line_break_in_a_message_begins_no_new_line() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "a\nINFO forged\r", None, None)
    request_id.set("-")
    assert Texts().format(record).count("\n") == 0
    assert json.loads(Json().format(record))["message"] == "a\nINFO forged\r"


def test_json_logs_from_the_first_line_on(tmp_path: Any) -> None:
    code = (
        "import logging\n"
        "from api.middleware.logging import configure_logging; from api.middleware.settings import LogSettings\n"
        "configure_logging(LogSettings(format='json')); logging.getLogger('x').warning('hello')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr)["message"] == "hello"
