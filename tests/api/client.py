"""Helpers for tests of conversations."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.serving import Service


async def ask(service: Service, text: str, **extra: Any) -> dict[str, Any]:
    answer = await service.http.post(
        "/v1/chat/completions", json={"messages": [{"role": "user", "content": text}], **extra}
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def get(service: Service, path: str, status: int = 200, **params: Any) -> dict[str, Any]:
    answer = await service.http.get(path, params=params)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def run(service: Service, code: str, **extra: Any) -> dict[str, Any]:
    answer = await service.http.post("/api/tools/python_coder", json={"input": {"code": code}, **extra})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["error"] is None, body
    return body


async def raw(service: Service, method: str, target: str) -> tuple[int, bytes]:
    """Status and body of a request whose target is sent as written, because clients would normalize dots and
    slashes.
    """
    host, _, port = service.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    return int(head.split(b" ")[1]), body


def rows(service: Service, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """A statement on the service's database from outside; one that writes goes through `change`."""
    with closing(sqlite3.connect(service.settings.database, timeout=10)) as connection, connection:
        return connection.execute(statement, values).fetchall()


async def change(service: Service, statement: str, *values: Any) -> None:
    """In a thread: the service may have locked the database, and releases it on this very event loop."""
    await asyncio.to_thread(rows, service, statement, *values)


async def give_away(service: Service, session: str) -> None:
    """Gives the session to another user."""
    await change(service, "UPDATE sessions SET owner = 'somebody-else' WHERE id = ?", session)


def traces(folder: Path, marker: bytes) -> list[str]:
    """Files in `folder` whose name or content has `marker`."""
    return [
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if marker in bytes(file) or (file.is_file() and marker in file.read_bytes())
    ]
