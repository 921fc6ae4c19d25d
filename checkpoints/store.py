"""The database of one service: langgraph's checkpoints and our tables beside them, in one SQLite file."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from checkpoints.migrations import migrate
from checkpoints.sessions import Sessions

BUSY_TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Store:
    """Open for as long as `open_store` is."""

    saver: AsyncSqliteSaver
    sessions: Sessions


@asynccontextmanager
async def open_store(path: Path) -> AsyncIterator[Store]:
    """Open (and create) the database. The file is readable by its owner alone."""
    await asyncio.to_thread(_make_private_file, path)
    # Two connections: ours commits by itself, and must never commit half of a checkpoint's writes.
    async with _connect(path) as connection, _connect(path, isolation_level=None) as own:
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        await migrate(own)
        yield Store(saver, Sessions(own))


def _make_private_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)


@asynccontextmanager
async def _connect(
    path: Path, isolation_level: Literal["DEFERRED"] | None = "DEFERRED"
) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(path, isolation_level=isolation_level) as connection:
        await connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        await connection.execute("PRAGMA journal_mode = WAL")
        # With WAL this loses at most the last turns when the machine itself loses power, and never consistency.
        await connection.execute("PRAGMA synchronous = NORMAL")
        yield connection
