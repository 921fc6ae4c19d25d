"""A deleted conversation is gone from every route and from the disk."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import aiosqlite
import pytest

from checkpoints.scrubber import Scrubber
from llm.scripted import ScriptedChat
from tests.api.client import ask, get, give_away, rows, run, traces
from tests.serving import Service, python_step, until
from workspace.workspaces import Workspaces

Start = Callable[..., AbstractAsyncContextManager[Service]]
MARKER = "ꙮꙮ7b1f"
"""Part of everything that a conversation stores."""
LAST = {"Connection": "close"}
"""After an unexpected error, the server closes the connection."""
PATIENCE = 60
"""Time limit in seconds for background work on a busy machine."""


def left(service: Service) -> list[str]:
    return traces(service.settings.data_dir, MARKER.encode()) + traces(service.settings.data_dir, MARKER[:2].encode())


def sessions_left(service: Service) -> int:
    return int(rows(service, "SELECT count(*) FROM sessions")[0][0])


async def marked(service: Service, model: ScriptedChat) -> str:
    """A conversation with the marker in its title, messages, steps, variables, snapshot, files and their names."""
    code = f"open('{MARKER}.txt', 'w').write('{MARKER}' * 1000)\nkept = '{MARKER}' * 100\nprint(kept)"
    model.replies += [python_step(code, thought=f"I think of {MARKER}."), f"Final Answer: {MARKER}"]
    answer = await service.http.post(
        "/v1/chat/completions",
        data={"messages": json.dumps([{"role": "user", "content": f"What of {MARKER}?"}]), "agent_type": "react"},
        files={"files": (f"{MARKER}.csv", MARKER.encode())},
    )
    assert MARKER in answer.json()["choices"][0]["message"]["content"], answer.text
    session = str(answer.json()["x_session_id"])
    # Its profile is in one of the service's caches.
    look = {"input": {"filename": f"{MARKER}.csv"}, "session_id": session}
    analyzed = (await service.http.post("/api/tools/file_analyzer", json=look)).json()
    assert MARKER in analyzed["output"], analyzed
    return session


@pytest.mark.parametrize("base", ["/api/conversations", "/api/chat/sessions"])
async def test_nothing_is_left_on_the_disk(service: Service, model: ScriptedChat, base: str) -> None:
    """Including the database: rows, free pages, write-ahead log, search index. Other users' conversations stay."""
    model.replies = ["Nothing special."]
    other = (await ask(service, "Something else"))["x_session_id"]
    long = [f"{MARKER} {turn} " + "x" * 5000 for turn in range(3)]
    summaries = [f"They spoke of {MARKER}."] * 2  # summarizes the old turns before answering the third
    model.replies += [*long[:2], *summaries, long[2]]
    first = (await ask(service, f"Tell me of {MARKER}"))["x_session_id"]
    for turn in range(2):
        await ask(service, f"More of {MARKER} {turn} " + "y" * 3000, session_id=first)
    session = await marked(service, model)
    await until(lambda: any("snapshots" in trace for trace in left(service)))
    for gone in (session, first):
        answer = await service.http.delete(f"{base}/{gone}")
        assert answer.json() == {"session_id": gone, "deleted": True}
        for path in ("", "/artifacts", "/variables", "/export", "/artifacts/a.txt"):
            await get(service, f"/api/conversations/{gone}{path}", 404)
        await get(service, f"/api/chat/history/{gone}", 404)
        assert (await service.http.delete(f"{base}/{gone}")).status_code == 404
    await until(lambda: sessions_left(service) == 1, PATIENCE)
    await until(lambda: not left(service), PATIENCE)
    assert traces(service.settings.data_dir, session.encode()) == ["logs/audit.jsonl"]
    assert (await get(service, "/api/conversations", q=MARKER))["sessions"] == []
    assert [m["content"] for m in (await get(service, f"/api/chat/history/{other}"))["messages"]][
        1
    ] == "Nothing special."


async def test_an_answer_under_way_is_ended(service: Service, model: ScriptedChat) -> None:
    model.replies, model.gate = ["word " * 100], asyncio.Semaphore(5)
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    async with service.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        session = answer.headers["x-session-id"]
        await until(lambda: len(model.asked) == 1)
        assert (await service.http.delete(f"/api/conversations/{session}")).status_code == 200
        frames = [line async for line in answer.aiter_lines() if line.startswith("data: {")]
    assert json.loads(frames[-1].removeprefix("data: "))["error"]["code"] == "not_found"
    assert model.finished == 0
    assert rows(service, "SELECT count(*) FROM checkpoints") == [(0,)]


async def test_a_program_under_way_is_ended(service: Service) -> None:
    session = (await run(service, "1"))["session_id"]
    code = "open('began', 'w').close()\nimport time; time.sleep(60)"
    body = {"input": {"code": code}, "session_id": session}
    calling = asyncio.create_task(service.http.post("/api/tools/python_coder", json=body))
    folder = service.settings.data_dir / "sessions" / session
    await until((folder / "began").exists)
    assert (await service.http.delete(f"/api/conversations/{session}")).status_code == 200
    assert (await calling).status_code == 404
    assert not folder.exists()


async def test_turns_that_come_during_a_deletion_are_refused(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = ["hello"], True
    session = (await ask(service, "hi"))["x_session_id"]
    body = {"messages": [{"role": "user", "content": MARKER}], "session_id": session}
    deleting = asyncio.create_task(service.http.delete(f"/api/conversations/{session}"))
    turns = await asyncio.gather(*(service.http.post("/v1/chat/completions", json=body) for _ in range(10)))
    assert (await deleting).status_code == 200
    assert {turn.status_code for turn in turns} <= {200, 404, 409}
    await until(lambda: sessions_left(service) == 0, PATIENCE)
    assert rows(service, "SELECT (SELECT count(*) FROM passages), (SELECT count(*) FROM writes)") == [(0, 0)]
    assert list((service.settings.data_dir / "sessions").iterdir()) == []


async def test_somebody_elses_conversation_stays(service: Service, model: ScriptedChat) -> None:
    model.replies = ["hello"]
    session = (await ask(service, "hi"))["x_session_id"]
    await give_away(service, session)
    assert (await service.http.delete(f"/api/conversations/{session}")).status_code == 404
    assert rows(service, "SELECT title, deletion FROM sessions") == [("hi", 0)]
    assert rows(service, "SELECT count(*) FROM passages") == [(2,)]


class CutOffError(OSError):
    """The service stops here."""


@pytest.mark.parametrize(
    ("where", "step"),
    [
        (Workspaces, "discard"),
        (aiosqlite.Connection, "execute_fetchall"),
        (Scrubber, "cut_log"),
        (Scrubber, "merge_index"),
    ],
    ids=["before the folder", "before the rows", "before the log", "before the index"],
)
async def test_a_deletion_that_is_cut_off_is_completed_at_the_next_start(
    start: Start, model: ScriptedChat, monkeypatch: pytest.MonkeyPatch, where: type, step: str
) -> None:
    original = getattr(where, step)

    async def breaks(self: object, *given: object) -> object:
        if step != "execute_fetchall" or str(given[0]).startswith("DELETE FROM passages"):
            raise CutOffError
        return await original(self, *given)

    async with start() as service:
        session = await marked(service, model)
        with monkeypatch.context() as broken:
            broken.setattr(where, step, breaks)
            await service.http.delete(f"/api/conversations/{session}", headers=LAST)
            await get(service, f"/api/conversations/{session}", 404)
            assert (await get(service, "/api/conversations"))["sessions"] == []
            assert sessions_left(service) == 1
    async with start() as service:
        await until(lambda: sessions_left(service) == 0, PATIENCE)
        await until(lambda: not left(service), PATIENCE)


async def test_a_deletion_that_is_cut_off_can_be_repeated(
    service: Service, model: ScriptedChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await marked(service, model)

    async def breaks(self: Workspaces, session_id: str) -> None:
        raise CutOffError

    with monkeypatch.context() as broken:
        broken.setattr(Workspaces, "discard", breaks)
        assert (await service.http.delete(f"/api/conversations/{session}", headers=LAST)).status_code == 500
    assert (await service.http.delete(f"/api/conversations/{session}")).status_code == 200
    await until(lambda: not left(service), PATIENCE)


async def test_a_folder_that_nobody_may_enter_is_deleted(service: Service) -> None:
    code = f"import os\nos.makedirs('a/b'); open('a/b/{MARKER}', 'w').close(); os.chmod('a/b', 0); os.chmod('a', 0)"
    session = (await run(service, code))["session_id"]
    assert (await service.http.delete(f"/api/conversations/{session}")).status_code == 200
    assert not (service.settings.data_dir / "sessions" / session).exists()


async def test_a_large_database_is_vacuumed_when_nobody_waits_for_an_answer(
    start: Start, model: ScriptedChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: all requests stood still for seconds after each deletion."""
    monkeypatch.setattr("api.runs.session_deletion.SMALL_DATABASE", 0)
    monkeypatch.setattr("api.runs.session_deletion.QUIET_SECONDS", 0.1)
    looked = asyncio.Event()

    class Sleep:
        """The real one, which also tells that the deletion waits."""

        def __init__(self) -> None:
            self.original = asyncio.sleep

        async def __call__(self, seconds: float, result: object = None) -> object:
            if seconds == 0.1 / 10:
                looked.set()
            return await self.original(seconds, result)

    async with start() as service:
        session = await marked(service, model)
        model.replies, model.gate = [*model.replies, "slowly"], asyncio.Semaphore(0)
        running = asyncio.create_task(ask(service, "Go on", agent_type="chat"))
        await until(lambda: not service.idle)
        monkeypatch.setattr(asyncio, "sleep", Sleep())
        await service.http.delete(f"/api/conversations/{session}")
        for _ in range(20):
            looked.clear()
            await looked.wait()
        assert sessions_left(service) == 2
        for _ in range(10):
            model.gate.release()
        await running
        await until(lambda: sessions_left(service) == 1, PATIENCE)
