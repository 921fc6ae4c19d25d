"""Document search for users and sessions: extraction in workers, indexing in the background, search."""

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tools.files.profile import FileUnreadable
from tools.files.reader import FileReader
from workspace.retrieval.indexes import Indexes, Scope
from workspace.retrieval.store import Record
from workspace.retrieval.types import ExtractedText, Hit, Report, UnreadableError, VectorsUnavailableError

log = logging.getLogger(__name__)

REPORT_SECONDS = 0.5
"""How often the progress of reading is reported to a search that waits for it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search, and what it did not cover."""

    hits: list[Hit]
    files: list[str]
    """Names of all searched files."""
    skipped: dict[str, str]
    """Names of files without readable text, and why."""
    pending: dict[str, str]
    """Names of files that are not indexed yet, and how far the reading of each has come."""
    cut: list[str]
    """Names of files whose end is not searched."""
    notes: dict[str, str]
    """Names of files of which something else is missing, and what."""
    passages: int
    seconds: dict[str, float] = field(default_factory=dict)
    """`sync` and `search`."""


@dataclass(frozen=True, slots=True)
class FileState:
    """Whether a document can be searched."""

    state: Literal["queued", "reading", "searchable", "unreadable"]
    detail: str
    """How far the reading has come, why the document cannot be read, or what is missing."""


class Documents:
    """One instance per service. Every task it starts ends with `aclose`."""

    def __init__(self, indexes: Indexes, reader: FileReader, wait_seconds: float, ocr_pages: int = 100) -> None:
        """A search waits `wait_seconds` for new documents; text recognition reads `ocr_pages` pages of a document."""
        self._indexes = indexes
        self._reader = reader
        self._wait_seconds = wait_seconds
        self._ocr_pages = ocr_pages
        self._tasks: dict[asyncio.Task[None], Scope] = {}
        self._queued: dict[Scope, asyncio.Task[None]] = {}

    def schedule(self, user: str, session: str | None = None) -> None:
        """Something was added, changed or deleted: update the index soon, in the background."""
        self._sync((user, session))

    async def search(
        self,
        user: str,
        session: str | None,
        query: str,
        k: int,
        files: Collection[str] | None = None,
        report: Report | None = None,
    ) -> Found:
        """The best `k` passages of the user's documents and the session's; the caller must have checked that the
        session is the user's. Documents that were just uploaded are indexed first, unless that takes too long; `report`
        receives how far that has come.

        Raises `VectorsUnavailableError`.
        """
        scopes: list[Scope] = [(user, None)] if session is None else [(user, None), (user, session)]
        began = time.monotonic()
        await self._up_to_date(scopes, report)
        synced = time.monotonic()
        hits = await self._indexes.search(scopes, query, k, files)
        return await self._found(scopes, hits, {"sync": synced - began, "search": time.monotonic() - synced})

    async def states(self, user: str) -> dict[str, FileState]:
        """The state of each of the user's documents, by name. Indexing starts if it has to."""
        index = self._indexes.index((user, None))
        changed = await index.changed()
        if changed and (user, None) not in self._queued and not index.turn.locked():
            self.schedule(user)
        states = {name: _state(record) for name, record in index.records.items() if name not in changed}
        for name in changed:
            progress = index.progress.get(name)
            states[name] = FileState("queued", "") if progress is None else FileState("reading", progress)
        return states

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

    async def _up_to_date(self, scopes: Sequence[Scope], report: Report | None) -> None:
        """Wait for the scopes' syncs, up to a limit. Raises the error that stopped one."""
        tasks = {self._sync(scope) for scope in scopes}
        deadline = time.monotonic() + self._wait_seconds
        told: set[str] = set()
        done: set[asyncio.Task[None]] = set()
        while len(done) < len(tasks) and (left := deadline - time.monotonic()) > 0:
            done, _ = await asyncio.wait(tasks, timeout=min(left, REPORT_SECONDS))
            for line in self._progress(scopes):
                if report is not None and line not in told:
                    told.add(line)
                    report(line)
        for task in done:
            if not task.cancelled():
                task.result()

    def _progress(self, scopes: Sequence[Scope]) -> list[str]:
        """A line for each document that is being read and has come some way."""
        indexes = [self._indexes.index(scope) for scope in scopes]
        return [f"{name}: {progress}" for index in indexes for name, progress in index.progress.items() if progress]

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

    async def _extract(self, path: Path, report: Report) -> ExtractedText:
        try:
            return await self._reader.text(path, report, self._ocr_pages)
        except FileUnreadable as error:
            raise UnreadableError(str(error)) from error

    async def _found(self, scopes: Sequence[Scope], hits: list[Hit], seconds: dict[str, float]) -> Found:
        files: list[str] = []
        cut: list[str] = []
        pending: dict[str, str] = {}
        notes: dict[str, str] = {}
        skipped: dict[str, str] = {}
        passages = 0
        for scope in scopes:
            index = self._indexes.index(scope)
            pending |= {name: index.progress.get(name, "") for name in sorted(await index.changed())}
            for name, record in index.records.items():
                if record.reason:
                    skipped[name] = record.reason
                    continue
                files.append(name)
                passages += record.passages
                if record.note:
                    notes[name] = record.note
                if record.cut:
                    cut.append(name)
        return Found(hits, files, skipped, pending, cut, notes, passages, seconds)


def _state(record: Record) -> FileState:
    if record.reason:
        return FileState("unreadable", record.reason)
    cut = "It is so long that its end is not searched." if record.cut else ""
    return FileState("searchable", " ".join(filter(None, (cut, record.note))))


def _is_told(error: BaseException) -> bool:
    """Errors whose message is sufficient."""
    return isinstance(error, VectorsUnavailableError | OSError)
