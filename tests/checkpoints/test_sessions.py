"""Lists, searches and deletions in the database itself."""

import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.cursor import START, BadCursorError, Cursor
from checkpoints.search import condition
from checkpoints.sessions import Deletion
from checkpoints.store import Store, open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "a.sqlite") as opened:
        yield opened


async def talk(store: Store, owner: str, *texts: str) -> str:
    session = await store.sessions.create(owner, texts[0])
    await store.sessions.said(session.id, texts)
    return session.id


async def found(store: Store, owner: str, query: str) -> set[str]:
    return {listed.session.id for listed in await store.sessions.page(owner, limit=100, query=query)}


async def test_pages_follow_each_other_while_sessions_are_added(store: Store) -> None:
    ids = [await talk(store, "ann", f"question {n}") for n in range(25)]
    seen: list[str] = []
    after = START
    while page := await store.sessions.page("ann", after=after, limit=10):
        seen += [listed.session.id for listed in page]
        after = page[-1].cursor
        await talk(store, "ann", "one more")
    assert seen == ids[::-1]


async def test_words_are_found_in_titles_and_messages_of_ones_own(store: Store) -> None:
    mine = await talk(store, "ann", "서울에서 부산까지 거리는?", "About 325 km by Highway One.")
    other = await talk(store, "ann", "Bake a cake")
    await talk(store, "bob", "서울에서 부산까지 거리는?", "highway")
    for query in ("서울", "서울에서 부산", "부산까지 highway", "HIGHWAY", "325 km", "ighwa", "거리는?", "km"):
        assert await found(store, "ann", query) == {mine}, query
    assert await found(store, "ann", "") == {mine, other}
    assert await found(store, "ann", "highway cake") == set()
    await store.sessions.rename(other, "ann", "Kuchen backen")
    assert await found(store, "ann", "Kuchen") == {other}


HOSTILE = [
    '"', "'", '""', "highway OR cake", "highway NOT x", "high*", "text:highway", "{text}:highway", "NEAR(highway cake)",
    "^highway", "highway + cake", "(highway", "highway)", "-highway", "%", "_", "\\", "100%", "a_b", "%%%", "high%way",
    "'; DROP TABLE sessions; --", "\0", "x\0way", "\ud800", "\ud800\ud801\ud802", "*" * 200, "AND", "OR", "NOT",
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE)
async def test_hostile_queries_are_plain_text(store: Store, query: str) -> None:
    await talk(store, "ann", "The highway", "cake")
    assert await found(store, "ann", query) == (await found(store, "ann", "") if query in ("\0",) else set())
    exact = await talk(store, "ann", f"so {query} it is")
    assert exact in await found(store, "ann", query)


@given(st.text(max_size=50))
def test_no_query_reaches_the_statement(query: str) -> None:
    made = condition(query)
    assert made.sql.count("?") == len(made.values)
    assert set(made.sql) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz1_.=?()'\\ ")


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(codec="utf-8")))
def test_a_cursor_comes_back_as_it_was(time: float, key: str) -> None:
    assert Cursor.decode(Cursor(time, key).encode()) == Cursor(time, key)


@given(st.text())
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursorError):
        Cursor.decode(text)


async def test_a_session_in_deletion_is_seen_by_nobody(store: Store) -> None:
    mine = await talk(store, "ann", "The highway")
    assert not await store.sessions.begin_deletion(mine, "bob")
    assert await store.sessions.begin_deletion(mine, "ann")
    assert await store.sessions.get(mine, "ann") is None
    assert await store.sessions.rename(mine, "ann", "x") is None
    assert await found(store, "ann", "") == set()
    assert await store.sessions.begin_deletion(mine, "ann")  # again, after an interruption
    (left,) = await store.sessions.in_deletion(Deletion.BEGUN)
    assert (left.id, left.title) == (mine, "")
    await store.sessions.wipe(mine)
    assert not await store.sessions.begin_deletion(mine, "ann")
    assert [s.id for s in await store.sessions.in_deletion(Deletion.WIPED)] == [mine]


async def test_a_scrubbed_index_holds_nothing_of_what_was_deleted(tmp_path: Path) -> None:
    marker, path = "ꙮꙮꙮꙮ", tmp_path / "a.sqlite"
    async with open_store(path) as store:
        for number in range(40):
            await talk(store, "ann", f"question {number} " + "and so on " * 50)
        gone = await talk(store, "ann", f"a {marker} b")
        await store.scrubber.cut_log()
        assert marker[:2].encode() in path.read_bytes()
        await store.sessions.begin_deletion(gone, "ann")
        await store.sessions.wipe(gone)
        await store.scrubber.merge_index()
        assert await store.scrubber.cut_log()
        data = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240
        assert marker[:2].encode() not in data
        assert len(await found(store, "ann", "and so on")) == 40


async def test_regression_sqlite_kept_copies_of_rows_it_had_moved(tmp_path: Path) -> None:
    """Deleting merges pages, which leaves copies of neighboring rows. With this seed one of those is deleted next."""
    path, chance = tmp_path / "a.sqlite", random.Random(1)
    async with open_store(path) as store:
        for turn in range(6):
            for number in range(30):
                text = f"MARK{number:03d} " * chance.choice([1, 10, 60, 100, 300])
                place = {"thread_id": f"t{number}", "checkpoint_ns": "", "checkpoint_id": str(turn)}
                await store.saver.aput_writes({"configurable": place}, [("m", text)], f"x{turn}")
        gone = chance.sample(range(30), 15)
        for number in gone:
            await store.saver.adelete_thread(f"t{number}")
        assert await store.scrubber.vacuum(1 << 30)
        assert await store.scrubber.cut_log()
        assert not any(f"MARK{number:03d}".encode() in path.read_bytes() for number in gone)


async def test_the_space_of_what_was_deleted_is_returned_without_a_vacuum(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    async with open_store(path) as store:
        for number in range(40):
            place = {"thread_id": f"t{number}", "checkpoint_ns": "", "checkpoint_id": "1"}
            await store.saver.aput_writes({"configurable": place}, [("m", "x" * 200_000)], "x")
        await store.scrubber.cut_log()
        full = path.stat().st_size
        for number in range(40):
            await store.saver.adelete_thread(f"t{number}")
        await store.scrubber.give_back()
        await store.scrubber.cut_log()
        assert path.stat().st_size < full / 10
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)


async def test_a_database_of_an_older_version_returns_space_from_its_next_vacuum_on(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE old (text)")
    async with open_store(path) as store:
        await store.scrubber.give_back()
        assert await store.scrubber.vacuum(1 << 30)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
