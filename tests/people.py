"""Users of a service that requires a login."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.serving import Service

Start = Callable[..., AbstractAsyncContextManager[Service]]
PASSWORD = "correct horse"
HI = [{"role": "user", "content": "hi"}]
LOGIN: dict[str, Any] = {"auth_required": "true", "admin_username": "boss", "admin_password": PASSWORD}
"""Settings of a service with an administrator, `boss`."""


@dataclass
class Person:
    """A client with a user's token."""

    name: str
    token: str
    http: httpx.AsyncClient

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def log_in(service: Service, name: str, password: str = PASSWORD) -> str:
    answer = await service.http.post("/api/auth/login", json={"username": name, "password": password})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@asynccontextmanager
async def person(service: Service, name: str, role: str = "user") -> AsyncIterator[Person]:
    """A user with an account, created by `boss` unless they are `boss`."""
    if name != "boss":
        boss = {"Authorization": f"Bearer {await log_in(service, 'boss')}"}
        body = {"username": name, "password": PASSWORD, "role": role}
        made = await service.http.post("/api/admin/users", json=body, headers=boss)
        assert made.status_code == 201, made.text
    token = await log_in(service, name)
    async with httpx.AsyncClient(
        base_url=service.url, timeout=120, headers={"Authorization": f"Bearer {token}"}
    ) as http:
        yield Person(name, token, http)


async def chat(person: Person, **fields: Any) -> httpx.Response:
    return await person.http.post("/v1/chat/completions", json={"messages": HI, **fields})
