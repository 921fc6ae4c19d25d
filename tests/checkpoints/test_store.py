import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from checkpoints.migrations import MIGRATIONS, migrate
from checkpoints.store import Store, open_store
from graph import MODES
from llm.scripted import ScriptedChat
from nodes.state import Context


async def test_migrations_apply_once_and_in_order(tmp_path: Path) -> None:
    async with aiosqlite.connect(tmp_path / "a.sqlite") as connection:
        assert await migrate(connection) == len(MIGRATIONS)
        assert await migrate(connection) == len(MIGRATIONS)
        async with connection.execute("SELECT version FROM migrations ORDER BY version") as rows:
            assert [row[0] async for row in rows] == list(range(1, len(MIGRATIONS) + 1))


async def test_two_services_may_start_on_one_database(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"

    async def use(name: str) -> None:
        async with open_store(path) as store:
            await store.sessions.create(name, "hello")

    await asyncio.gather(*(use(f"user{n}") for n in range(4)))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (4,)


async def test_the_database_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.sqlite"
    async with open_store(path):
        assert path.stat().st_mode & 0o077 == 0
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_session_is_seen_by_its_owner_alone(tmp_path: Path) -> None:
    async with open_store(tmp_path / "a.sqlite") as store:
        session = await store.sessions.create("ann", "What is this?")
        assert await store.sessions.get(session.id, "ann") == session
        assert await store.sessions.get(session.id, "bob") is None
        assert await store.sessions.get("' OR 1=1 --", "ann") is None


def reply(messages: list[BaseMessage]) -> str:
    """A long answer, or a short summary of old turns."""
    return "They talked." if "has to be remembered" in messages[0].text else "answer " + "a" * 2000


async def one_turn(store: Store, text: str, thread: str = "t") -> dict[str, Any]:
    graph = MODES["auto"].compile(checkpointer=store.saver)
    context = Context(model=ScriptedChat(replies=[reply], repeat=True, piece=5000))
    return await graph.ainvoke(
        {"messages": [HumanMessage(text)], "wanted_mode": "chat"},
        {"configurable": {"thread_id": thread}},
        context=context,
    )


async def test_checkpoints_grow_by_what_is_new(tmp_path: Path) -> None:
    """LangGraph's default channel would write the whole history at every step, its delta channel at every fiftieth."""
    async with open_store(tmp_path / "a.sqlite") as store:

        async def size() -> int:
            query = (
                "SELECT (SELECT total(length(checkpoint)) FROM checkpoints) + (SELECT total(length(value)) FROM writes)"
            )
            async with store.saver.conn.execute(query) as rows:
                row = await rows.fetchone()
            assert row is not None
            return int(row[0])

        sizes = []
        for turn in range(60):
            result = await one_turn(store, f"question {turn} " + "q" * 2000)
            sizes.append(await size())
        assert len(result["messages"]) == 120
        first_ten, last_ten = sizes[9] - sizes[0], sizes[59] - sizes[50]
        assert last_ten < 1.2 * first_ten


async def test_the_conversation_is_whole_after_a_restart(tmp_path: Path) -> None:
    for turn in range(3):
        async with open_store(tmp_path / "a.sqlite") as store:
            result = await one_turn(store, f"question {turn}")
    kinds = [type(message) for message in result["messages"]]
    assert kinds == [HumanMessage, AIMessage] * 3


async def test_many_coroutines_share_the_tables_while_checkpoints_are_written(tmp_path: Path) -> None:
    """One coroutine's open cursor would make another's update a write on an old snapshot, which SQLite refuses."""
    async with open_store(tmp_path / "a.sqlite") as store:
        done = asyncio.Event()

        async def use() -> None:
            session = await store.sessions.create("ann", "hello")
            while not done.is_set():
                assert await store.sessions.get(session.id, "ann") is not None
                await store.sessions.touch(session.id)

        async def write_checkpoints(thread: str) -> None:
            for turn in range(10):
                await one_turn(store, f"question {turn}", thread)

        using = [asyncio.create_task(use()) for _ in range(20)]
        await asyncio.gather(*(write_checkpoints(f"t{number}") for number in range(5)))
        done.set()
        await asyncio.gather(*using)
