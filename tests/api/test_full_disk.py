"""A full disk is told as such, loses no answer that was given, and ends once something is deleted."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from llm.scripted import ScriptedChat
from tests.api.client import ask, get, rows
from tests.serving import Service, python_step, running, settings_for

MEGABYTES = 64
PIECE = 1 << 16
LONG = "word " * 50_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk, mounted as the data folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
async def full(disk: Path, model: ScriptedChat) -> AsyncIterator[Service]:
    """A service with a conversation, a document and a plot, whose disk has no room left."""
    async with running(settings_for(disk), model, own_fork_servers=True) as service:
        model.replies, model.repeat = ["hello"], True
        await ask(service, "hi")
        (await upload(service, b"a,b\n1,2\n" * 400_000)).raise_for_status()
        await asyncio.to_thread(fill, disk)
        yield service


def fill(disk: Path, but: int = 0) -> None:
    """Leave so many bytes."""
    with (disk / "most").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(disk).free - but))
    if but:
        return
    with (disk / "filler").open("wb", buffering=0) as file:
        for size in (PIECE, 4096):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


async def upload(service: Service, data: bytes) -> httpx.Response:
    return await service.http.post("/api/upload", files={"files": ("a.csv", data)})


def is_told(answer: httpx.Response) -> bool:
    error = answer.json()["error"]
    assert "full" in error["message"], answer.text
    return (answer.status_code, error["type"], error["code"]) == (507, "server_error", "disk_full")


async def history(service: Service, session: str) -> list[Any]:
    messages: list[Any] = (await get(service, f"/api/chat/history/{session}"))["messages"]
    return messages


async def test_what_cannot_be_stored_is_told_and_all_else_goes_on(full: Service, model: ScriptedChat) -> None:
    """Regression: a bare 500."""
    (session,) = [row["session_id"] for row in (await get(full, "/api/conversations"))["sessions"]]
    before = await history(full, session)
    assert is_told(await upload(full, b"x" * 1_000_000))
    for body in ({"session_id": session}, {}):
        messages = [{"role": "user", "content": LONG}]
        assert is_told(await full.http.post("/v1/chat/completions", json={"messages": messages, **body}))
    assert (await get(full, "/health"))["status"]
    assert await history(full, session) == before
    assert len((await get(full, "/api/files"))["files"]) == 1
    assert (await full.http.get("/api/files/a.csv")).is_success
    assert rows(full, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
async def test_a_stream_ends_with_the_error(full: Service, model: ScriptedChat, path: str) -> None:
    model.replies = [LONG]
    messages = [{"role": "user", "content": "hi"}]
    body = {"input": "hi"} if path.endswith("responses") else {"messages": messages}
    answer = await full.http.post(path, json={**body, "stream": True})
    if answer.status_code == 200:
        assert '"disk_full"' in answer.text
        assert answer.text.endswith("data: [DONE]\n\n")
    else:
        assert is_told(answer)


async def test_room_is_made_by_deleting(full: Service, model: ScriptedChat) -> None:
    (session,) = [row["session_id"] for row in (await get(full, "/api/conversations"))["sessions"]]
    deleted = await full.http.delete("/api/files/a.csv")
    assert deleted.is_success, deleted.text
    assert (await upload(full, b"x" * 100_000)).status_code == 201
    assert (await ask(full, "again", session_id=session))["x_session_id"] == session
    await asyncio.to_thread(fill, full.settings.data_dir)
    deleted = await full.http.delete(f"/api/conversations/{session}")
    assert deleted.is_success, deleted.text


async def test_a_program_that_fills_the_disk_is_told_so(full: Service, model: ScriptedChat) -> None:
    code = "open('big', 'wb').write(bytes(10**6))"
    answer = await full.http.post("/api/tools/python_coder", json={"input": {"code": code}})
    if answer.status_code == 200:
        assert "No space left on device" in json.dumps(answer.json())
    else:
        assert is_told(answer)


async def test_no_answer_that_was_given_is_lost(disk: Path, model: ScriptedChat) -> None:
    """Turns until the disk is full: each is either complete in the history, also after a restart, or refused."""
    model.replies, model.repeat = [python_step("1"), "Final Answer: " + "fine " * 2000], True
    given: list[str] = []
    async with running(settings_for(disk), model, own_fork_servers=True) as service:
        await asyncio.to_thread(fill, disk, 3 << 20)
        session = None
        for number in range(400):
            body = {"messages": [{"role": "user", "content": f"{number} " + "word " * 50_000}], "model": "chat"}
            answer = await service.http.post("/v1/chat/completions", json={**body, "session_id": session})
            if not answer.is_success:
                assert is_told(answer)
                break
            session = answer.json()["x_session_id"]
            given.append(f"{number} word")
        else:
            raise AssertionError("the disk never was full")
        assert session is not None
        assert (await get(service, "/health"))["status"]
    async with running(settings_for(disk), model, own_fork_servers=True) as service:
        found = [message["content"] for message in await history(service, session)]
        questions, answers = found[::2], found[1::2]
        assert [question[: len(start)] for question, start in zip(questions, given, strict=False)] == given
        assert len(answers) >= len(given)
