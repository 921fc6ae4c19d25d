"""Document search for users and sessions: extraction in workers, indexing in the background, search."""

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.files.profile import FileUnreadable
from tools.files.reader import FileReader
from tools.files.sections import Section
from workspace.retrieval.indexes import Indexes, Scope
from workspace.retrieval.types import Hit, UnreadableError, VectorsUnavailableError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search, and what it did not cover."""

    hits: list[Hit]
    files: list[str]
    """Names of all searched files."""
    skipped: dict[str, str]
    """Names of files without readable text, and why."""
    pending: list[str]
    """Names of files that are not indexed yet."""
    cut: list[str]
    """Names of files whose end is not searched."""
    passages: int
    seconds: dict[str, float] = field(default_factory=dict)
    """`sync` and `search`."""


class Documents:
    """One instance per service. Every task it starts ends with `aclose`."""

    def __init__(self, indexes: Indexes, reader: FileReader, wait_seconds: float) -> None:
        self._indexes = indexes
        self._reader = reader
        self._wait_seconds = wait_seconds
        self._tasks: dict[asyncio.Task[None], Scope] = {}
        self._queued: dict[Scope, asyncio.Task[None]] = {}

    def schedule(self, user: str, session: str | None = None) -> None:
        """Something was added, changed or deleted: update the index soon, in the background."""
        self._sync((user, session))

    async def search(
        self, user: str, session: str | None, query: str, k: int, files: Collection[str] | None = None
    ) -> Found:
        """The best `k` passages of the user's documents and the session's; the caller must have checked that the
        session is the user's. Documents that were just uploaded are indexed first, unless that takes too long.

        Raises `VectorsUnavailableError`.
        """
        scopes: list[Scope] = [(user, None)] if session is None else [(user, None), (user, session)]
        began = time.monotonic()
        await self._up_to_date(scopes)
        synced = time.monotonic()
        hits = await self._indexes.search(scopes, query, k, files)
        return await self._found(scopes, hits, {"sync": synced - began, "search": time.monotonic() - synced})

    async def drop_session(self, user: str, session: str) -> None:
        """Delete the session's indexes from disk."""
        await self._drop((user, session))

    async def drop_user(self, user: str) -> None:
        """Delete the indexes of a user and of all the user's sessions."""
        await self._drop((user, None))

    async def aclose(self) -> None:
        """Stop what is running; completed work is kept."""
        await self._stop(list(self._tasks))

    # tasks

    def _sync(self, scope: Scope) -> "asyncio.Task[None]":
        """A sync that has not read the folder yet: one that waits for its turn, or a new one."""
        task = self._queued.get(scope)
        if task is None:
            task = self._queued[scope] = asyncio.create_task(self._run(scope))
            self._tasks[task] = scope
            task.add_done_callback(self._ended)
        return task

    async def _run(self, scope: Scope) -> None:
        user, session = scope
        index = self._indexes.index(scope)
        async with index.turn:
            self._queued.pop(scope, None)
            await index.sync(self._extract, None if session is None else self._indexes.index((user, None)))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        scope = self._tasks.pop(task)
        if self._queued.get(scope) is task:
            del self._queued[scope]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("documents were not indexed: %s", error, exc_info=None if _is_told(error) else error)

    async def _up_to_date(self, scopes: Sequence[Scope]) -> None:
        """Wait for the scopes' syncs, up to a limit. Raises the error that stopped one."""
        tasks = {self._sync(scope) for scope in scopes}
        done, _ = await asyncio.wait(tasks, timeout=self._wait_seconds)
        for task in done:
            if not task.cancelled():
                task.result()

    async def _drop(self, scope: Scope) -> None:
        user, session = scope
        concerned = [t for t, (u, s) in self._tasks.items() if u == user and (session is None or s == session)]
        await self._stop(concerned)
        await self._indexes.drop(scope)

    async def _stop(self, tasks: Sequence["asyncio.Task[None]"]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # documents and errors

    async def _extract(self, path: Path) -> list[Section]:
        try:
            return await self._reader.sections(path)
        except FileUnreadable as error:
            raise UnreadableError(str(error)) from error

    async def _found(self, scopes: Sequence[Scope], hits: list[Hit], seconds: dict[str, float]) -> Found:
        files: list[str] = []
        cut: list[str] = []
        pending: list[str] = []
        skipped: dict[str, str] = {}
        passages = 0
        for scope in scopes:
            index = self._indexes.index(scope)
            pending += sorted(await index.changed())
            for name, record in index.records.items():
                if record.reason:
                    skipped[name] = record.reason
                    continue
                files.append(name)
                passages += record.passages
                if record.cut:
                    cut.append(name)
        return Found(hits, files, skipped, pending, cut, passages, seconds)


def _is_told(error: BaseException) -> bool:
    """Errors whose message is sufficient."""
    return isinstance(error, VectorsUnavailableError | OSError)
