"""The service's database: LangGraph's checkpoints and the service's tables in one SQLite file."""

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from checkpoints.api_keys import ApiKeys
from checkpoints.choices import Choices
from checkpoints.files import Files
from checkpoints.leases import Leases
from checkpoints.migrations import migrate
from checkpoints.responses import Responses
from checkpoints.scrubber import Scrubber
from checkpoints.sessions import Sessions
from checkpoints.turns import Turns
from checkpoints.usage import Usage
from checkpoints.users import Users

BUSY_TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Store:
    """Open for as long as `open_store` is."""

    saver: AsyncSqliteSaver
    sessions: Sessions
    users: Users
    api_keys: ApiKeys
    usage: Usage
    choices: Choices
    files: Files
    scrubber: Scrubber
    leases: Leases
    turns: Turns
    responses: Responses


@asynccontextmanager
async def open_store(path: Path) -> AsyncIterator[Store]:
    """Open (and create) the database. Only the owner can read the file."""
    await asyncio.to_thread(_prepare, path)
    # Our connection commits by itself and must never commit half of a checkpoint's writes. The others are for what
    # takes long.
    async with (
        _connect(path) as connection,
        _connect(path, isolation_level=None) as own,
        _connect(path, isolation_level=None) as searching,
        _connect(path, isolation_level=None) as scrubbing,
    ):
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        await migrate(own)
        yield Store(
            saver=saver,
            sessions=Sessions(own, searching),
            files=Files(own),
            scrubber=Scrubber(scrubbing),
            users=Users(own),
            api_keys=ApiKeys(own),
            usage=Usage(own),
            choices=Choices(own),
            leases=Leases(own),
            turns=Turns(own),
            responses=Responses(own),
        )


def _prepare(path: Path) -> None:
    """Create the file, private and in WAL mode, before other connections are opened.

    SQLite's busy timeout does not cover the change of mode: two services starting at once would collide.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path.touch(mode=0o600)
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only of a new database, or with the next vacuum
            connection.execute("PRAGMA journal_mode = WAL")


@asynccontextmanager
async def _connect(
    path: Path, isolation_level: Literal["DEFERRED"] | None = "DEFERRED"
) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(path, isolation_level=isolation_level) as connection:
        await connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        # With WAL, a power failure loses at most the last turns, and never consistency.
        await connection.execute("PRAGMA synchronous = NORMAL")
        # Deleted data is overwritten and never spilled into temporary files.
        await connection.execute("PRAGMA secure_delete = ON")
        await connection.execute("PRAGMA temp_store = MEMORY")
        yield connection
