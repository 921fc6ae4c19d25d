"""Overwrites the remains of deleted rows in the database's files.

`PRAGMA secure_delete` zeroes deleted rows and freed pages, with three exceptions: the full-text index keeps the terms
of a deleted row until its segments are merged; where SQLite has moved rows between pages, the unused part of a page
keeps copies until the database is vacuumed; the write-ahead log keeps old pages until it is truncated.
"""

import asyncio

import aiosqlite

MERGE_PAGES = 200
"""Pages merged per step: other writers wait for one step at most, some tens of milliseconds."""
LOG_TRIES = 50
LOG_PAUSE = 0.1


class Scrubber:
    """Uses its own connection, in autocommit mode, so that nothing else waits for it."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._one = asyncio.Lock()

    async def merge_index(self) -> None:
        """Rewrite the search index without deleted rows: about 0.3 ms per conversation in the database."""
        async with self._one:
            await self._merge(-MERGE_PAGES)
            while await self._merge(MERGE_PAGES):
                pass

    async def _merge(self, pages: int) -> bool:
        """One step; False if there was nothing to do. (The command itself counts as one change.)"""
        before = self._connection.total_changes
        await self._connection.execute_fetchall(
            "INSERT INTO passages_index (passages_index, rank) VALUES ('merge', ?)", (pages,)
        )
        return self._connection.total_changes - before >= 2

    async def vacuum(self, largest: int) -> bool:
        """Rewrite the database without unused data in its pages; False if it has more than `largest` bytes. Writers
        wait about 30 ms per megabyte.
        """
        async with self._one:
            pages = await self._connection.execute_fetchall(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            )
            if next(iter(pages))[0] > largest:
                return False
            await self._connection.execute_fetchall("VACUUM")
        return True

    async def cut_log(self) -> bool:
        """Move the write-ahead log into the database and truncate it; False if there were always readers."""
        for _ in range(LOG_TRIES):
            async with self._one:
                rows = await self._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            if next(iter(rows))[0] == 0:
                return True
            await asyncio.sleep(LOG_PAUSE)
        return False
