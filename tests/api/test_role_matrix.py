"""Permissions: every route of the OpenAPI document, for every role, on own, foreign and missing resources.

A new route is one line of `MATRIX`; a route without a line fails.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from api.accounts.setup import signing_keys
from api.files.image_links import ImageLinks
from tests.people import HI, LOGIN, PASSWORD, Person, Start, chat, person
from tests.serving import Service

ROLES = ("anonymous", "guest", "user", "admin")
CHAT = {"messages": HI}
UPLOAD = {"files": ("a.txt", b"hello")}
MADE_UP = {
    "session_id": "x" * 22,
    "key_id": "key_0000000000000000",
    "name": "missing",
    "path": "missing.txt",
    "model_id": "missing",
    "response_id": "resp_missing",
    "token": "missing",
}


@dataclass(frozen=True)
class Rule:
    """Allowed roles, what to send, and what the path names."""

    roles: tuple[str, ...]
    send: Mapping[str, Any] = field(default_factory=dict)
    things: Mapping[str, str] = field(default_factory=dict)
    """Path parameter → the kind of resource, created anew for each request."""
    missing: int = 404
    """Used for missing resources."""


SIGNED, MEMBERS, ADMINS = ("guest", "user", "admin"), ("user", "admin"), ("admin",)
SESSION, FILE = {"session_id": "session"}, {"name": "file"}


def public(**send: Any) -> Rule:
    return Rule(ROLES, send)


def signed(**send: Any) -> Rule:
    return Rule(SIGNED, send)


def members(**send: Any) -> Rule:
    return Rule(MEMBERS, send)


def admins(**send: Any) -> Rule:
    return Rule(ADMINS, send)


def own(things: Mapping[str, str], roles: tuple[str, ...] = SIGNED, **send: Any) -> Rule:
    return Rule(roles, send, things)


ACCOUNT = {"username": "{new}", "password": PASSWORD}
MATRIX: dict[str, Rule] = {
    "GET /health": public(),
    "POST /api/auth/register": public(json=ACCOUNT),
    "POST /api/auth/signup": public(json=ACCOUNT),
    "POST /api/auth/login": public(json={"username": "boss", "password": PASSWORD}),
    "GET /api/auth/me": signed(),
    "GET /api/auth/me/model": signed(),
    "PUT /api/auth/me/model": signed(json={"model": None}),
    "POST /api/auth/password": signed(json={"old_password": PASSWORD, "new_password": PASSWORD}),
    "GET /api/auth/keys": signed(),
    "POST /api/auth/keys": signed(json={"name": "k"}),
    "DELETE /api/auth/keys/{key_id}": own({"key_id": "key"}),
    "GET /api/usage": signed(),
    "GET /v1/models": signed(),
    "GET /v1/models/{model_id}": own({"model_id": "model"}),
    "POST /v1/chat/completions": signed(json=CHAT),
    "POST /api/chat/completions": signed(json=CHAT),
    "POST /v1/embeddings": signed(json={"input": "hello"}),
    "POST /v1/completions": signed(json={"prompt": "hi"}),
    "POST /v1/responses": signed(json={"input": "hi"}),
    "GET /v1/responses/{response_id}": own({"response_id": "response"}),
    "DELETE /v1/responses/{response_id}": own({"response_id": "response"}),
    "POST /v1/responses/{response_id}/cancel": own({"response_id": "response"}),
    "GET /v1/responses/{response_id}/input_items": own({"response_id": "response"}),
    "GET /api/images/{token}": own({"token": "image"}, ROLES),
    "GET /api/tools": signed(),
    "POST /api/tools/{name}": own({"name": "tool"}, MEMBERS, json={"input": {"code": "1 +"}}),
    "GET /api/conversations": signed(),
    "GET /api/conversations/{session_id}": own(SESSION),
    "PATCH /api/conversations/{session_id}": own(SESSION, json={"title": "t"}),
    "DELETE /api/conversations/{session_id}": own(SESSION),
    "POST /api/conversations/{session_id}/cancel": own(SESSION),
    "POST /api/chat/sessions/{session_id}/cancel": own(SESSION),
    "GET /api/conversations/{session_id}/stream": own(SESSION),
    "GET /api/conversations/{session_id}/run": own(SESSION),
    "GET /api/conversations/{session_id}/messages": own(SESSION),
    "GET /api/conversations/{session_id}/export": own(SESSION),
    "GET /api/conversations/{session_id}/variables": own(SESSION),
    "GET /api/conversations/{session_id}/artifacts": own(SESSION),
    "GET /api/conversations/{session_id}/artifacts.zip": own(SESSION),
    "GET /api/conversations/{session_id}/artifacts/{path}": own(SESSION | {"path": "artifact"}),
    "HEAD /api/conversations/{session_id}/artifacts/{path}": own(SESSION | {"path": "artifact"}),
    "GET /api/chat/history/{session_id}": own(SESSION),
    "GET /api/chat/sessions": signed(),
    "GET /api/chat/sessions/{session_id}": own(SESSION),
    "PATCH /api/chat/sessions/{session_id}": own(SESSION, json={"title": "t"}),
    "DELETE /api/chat/sessions/{session_id}": own(SESSION),
    "GET /api/chat/sessions/{session_id}/artifacts": own(SESSION),
    "GET /api/chat/sessions/{session_id}/artifacts.zip": own(SESSION),
    "GET /api/chat/sessions/{session_id}/artifacts/{path}": own(SESSION | {"path": "artifact"}),
    "HEAD /api/chat/sessions/{session_id}/artifacts/{path}": own(SESSION | {"path": "artifact"}),
    "POST /api/upload": members(files=UPLOAD),
    "GET /api/files": members(),
    "GET /api/files/{name}": own(FILE, MEMBERS),
    "HEAD /api/files/{name}": own(FILE, MEMBERS),
    "DELETE /api/files/{name}": own(FILE, MEMBERS),
    "GET /api/admin/users": admins(),
    "POST /api/admin/users": admins(json=ACCOUNT),
    "PATCH /api/admin/users/{name}": own({"name": "account"}, ADMINS, json={"role": "guest"}),
    "DELETE /api/admin/users/{name}": own({"name": "account"}, ADMINS),
    "GET /api/admin/model": admins(),
    "POST /api/admin/model": admins(json={"model": "scripted"}),
    "GET /api/admin/usage": admins(),
}


class World:
    """A service with a user of each role, and resources of theirs."""

    def __init__(self, service: Service, people: dict[str, Person]) -> None:
        self.service = service
        self.people = people
        self._made = 0
        self.shared = {"model": "scripted", "tool": "python_coder"}
        """Shared resources: foreign ones are the same as own ones."""
        self.makers: dict[str, Callable[[Person], Any]] = {
            "session": self.session,
            "response": self.response,
            "artifact": self.artifact,
            "file": self.file,
            "key": self.key,
            "account": self.account,
        }

    def client(self, role: str) -> httpx.AsyncClient:
        return self.service.http if role == "anonymous" else self.people[role].http

    def fresh(self) -> str:
        self._made += 1
        return f"thing-{self._made}"

    async def session(self, owner: Person) -> str:
        return str((await chat(owner)).json()["x_session_id"])

    async def response(self, owner: Person) -> str:
        return str((await owner.http.post("/v1/responses", json={"input": "hi"})).json()["id"])

    async def image(self) -> str:
        session = await self.session(self.people["other"])
        (self.service.settings.data_dir / "sessions" / session / "plot.png").write_bytes(b"\x89PNG")
        return ImageLinks(signing_keys(self.service.settings.accounts, self.service.settings.secret_file), 1).token(
            session, "plot.png"
        )

    async def artifact(self, _owner: Person) -> str:
        for folder in (self.service.settings.data_dir / "sessions").iterdir():
            (folder / "plot.txt").write_text("a plot")
        return "plot.txt"

    async def file(self, owner: Person) -> str:
        answer = await owner.http.post("/api/upload", files={"files": (f"{self.fresh()}.txt", b"hello")})
        return str(answer.json()["files"][0]["name"])

    async def key(self, owner: Person) -> str:
        return str((await owner.http.post("/api/auth/keys", json={"name": "k"})).json()["id"])

    async def account(self, _owner: Person) -> str:
        name = self.fresh()
        body = {"username": name, "password": PASSWORD}
        assert (await self.people["admin"].http.post("/api/admin/users", json=body)).status_code == 201
        return name

    async def path(self, template: str, rule: Rule, owner: Person) -> str:
        for parameter, kind in rule.things.items():
            thing = self.shared.get(kind) or await self.makers[kind](owner)
            template = template.replace(f"{{{parameter}}}", thing)
        return template

    async def send(self, role: str, method: str, path: str, rule: Rule) -> httpx.Response:
        send = json.loads(json.dumps(rule.send).replace("{new}", self.fresh())) if "json" in rule.send else rule.send
        return await self.client(role).request(method, path, **send)


@asynccontextmanager
async def world(start: Start, model: Any) -> AsyncIterator[World]:
    model.replies, model.repeat = ["hello"], True
    settings = LOGIN | {"user_requests_per_minute": 0}
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(start(**settings))
        people = {
            "guest": await stack.enter_async_context(person(service, "gil", "guest")),
            "user": await stack.enter_async_context(person(service, "ann")),
            "admin": await stack.enter_async_context(person(service, "boss")),
            "other": await stack.enter_async_context(person(service, "bob")),
        }
        here = World(service, people)
        here.shared["image"] = await here.image()
        yield here


async def routes(service: Service) -> set[str]:
    paths = (await service.http.get("/openapi.json")).json()["paths"]
    return {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}


async def test_every_route_stands_in_the_matrix(service: Service) -> None:
    assert await routes(service) == set(MATRIX)


async def test_every_role_gets_what_it_may_of_its_own(start: Start, model: Any) -> None:
    wrong = []
    async with world(start, model) as here:
        for route, rule in MATRIX.items():
            method, template = route.split(" ")
            for role in ROLES:
                owner = here.people["user" if role == "anonymous" else role]
                # Users who may not have such a resource try another user's.
                owner = owner if role in rule.roles else here.people["other"]
                answer = await here.send(role, method, await here.path(template, rule, owner), rule)
                if route.endswith("/password") and answer.status_code == 200:
                    here.people[role].http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
                expected = {200, 201, 204} if role in rule.roles else {401 if role == "anonymous" else 403}
                if answer.status_code not in expected:
                    wrong.append(f"{route} as {role}: {answer.status_code}, not {expected}")
    assert wrong == []


async def test_what_is_others_is_not_there(start: Start, model: Any) -> None:
    """404 for foreign resources, as for missing ones, with identical responses: nothing reveals that a resource
    exists.
    """
    wrong = []
    async with world(start, model) as here:
        for route, rule in MATRIX.items():
            method, template = route.split(" ")
            private = bool(rule.things) and not set(rule.things.values()) & {*here.shared, "account"}
            for role in rule.roles if rule.things else ():
                missing = template
                for parameter in rule.things:
                    missing = missing.replace(f"{{{parameter}}}", MADE_UP[parameter])
                absent = await here.send(role, method, missing, rule)
                if absent.status_code != rule.missing:
                    wrong.append(f"{route} as {role} on nobody's: {absent.status_code}")
                if not private:
                    continue
                path = await here.path(template, rule, here.people["other"])
                others = await here.send(role, method, path, rule)
                if (others.status_code, others.content) != (absent.status_code, absent.content):
                    wrong.append(f"{route} as {role} on another's: {others.status_code} {others.text[:80]}")
                still = await here.send("other", method, path, rule)
                if still.status_code not in (200, 204):
                    wrong.append(f"{route}: {role} has touched what is another's ({still.status_code})")
    assert wrong == []


async def test_a_guessed_session_of_another_is_not_there_wherever_it_is_named(start: Start, model: Any) -> None:
    async with world(start, model) as here:
        session = await here.session(here.people["other"])
        for role in SIGNED:
            http = here.client(role)
            form = {"messages": json.dumps(HI), "session_id": session}
            asked = [
                await http.post("/v1/chat/completions", json=CHAT | {"session_id": session}),
                await http.post("/v1/chat/completions", json=CHAT | {"session_id": session, "stream": True}),
                await http.post("/v1/chat/completions", json=CHAT | {"metadata": {"session_id": session}}),
                await http.post("/api/chat/completions", data=form),
            ]
            if role != "guest":
                body = {"input": {"code": "1"}, "session_id": session}
                asked.append(await http.post("/api/tools/python_coder", json=body))
            assert [answer.status_code for answer in asked] == [404] * len(asked), role
        history = (await here.client("other").get(f"/api/chat/history/{session}")).json()
        assert len(history["messages"]) == 2
