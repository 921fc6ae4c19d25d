"""All indexes: one of each user's own documents, one of each session's, searched together.

Only a user's own index and those of sessions that the caller has checked to be the user's are ever combined.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import BadNameError
from workspace.retrieval.index import FolderIndex
from workspace.retrieval.searcher import Document, Searcher
from workspace.retrieval.settings import RetrievalSettings
from workspace.retrieval.snapshot import DOCUMENTS, IMAGES, SCANS
from workspace.retrieval.types import Embedder, Hit, Reranker

MAX_OPEN = 64
"""Indexes kept in memory; the least recently used are reloaded when needed."""
MAX_SEARCHERS = 16
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}")

Scope = tuple[str, str | None]
"""A user, and a session or None for the user's own documents."""
_Searchable = tuple[Searcher, dict[str, str]]
"""A searcher, and the name of each file's content in it."""


@dataclass(frozen=True, slots=True)
class Places:
    """Folders on disk."""

    user: Callable[[str], Path]
    """A user's data."""
    session: Callable[[str], Path]
    """One session's folder."""
    scratch: Path
    """For files that are not complete yet, and copies that are read; on the same disk."""


class Indexes:
    """Opens indexes on first use. Call `sync` for a scope before searching it."""

    def __init__(
        self,
        places: Places,
        embedder: Embedder,
        settings: RetrievalSettings,
        reranker: Reranker | None = None,
        *,
        readers: int,
        max_file_bytes: int,
    ) -> None:
        """`readers` documents are read concurrently; those larger than `max_file_bytes` are not searched."""
        self._places = places
        self._embedder = embedder
        self._settings = settings
        self._reranker = reranker
        self._readers = readers
        self._max_file_bytes = max_file_bytes
        self._open: OrderedDict[Scope, FolderIndex] = OrderedDict()
        self._searchers: OrderedDict[tuple[object, ...], _Searchable] = OrderedDict()

    def index(self, scope: Scope) -> FolderIndex:
        """Raises `BadNameError` for invalid user or session IDs."""
        index = self._open.get(scope)
        if index is None:
            index = self._open[scope] = FolderIndex(
                self._source(scope),
                self._folder(scope),
                self._places.scratch,
                self._embedder,
                self._settings,
                readers=self._readers,
                max_file_bytes=self._max_file_bytes,
                extensions=DOCUMENTS | SCANS | (IMAGES if scope[1] is None else frozenset()),
            )
        self._open.move_to_end(scope)
        idle = [each for each, other in self._open.items() if each != scope and not other.turn.locked()]
        for each in idle[: max(0, len(self._open) - MAX_OPEN)]:
            del self._open[each]
        return index

    async def search(
        self, scopes: Sequence[Scope], text: str, k: int, files: Collection[str] | None = None
    ) -> list[Hit]:
        """The best `k` passages of all scopes together, only from `files` if given.

        Raises `VectorsUnavailableError`.
        """
        searcher, names = await self._searcher([self.index(scope) for scope in scopes])
        if not len(searcher):
            return []
        vector = await self._embedder.question(text)
        wanted = None if files is None else {names[file] for file in files if file in names}
        ranked = await asyncio.to_thread(searcher.ranked, text, vector, wanted)
        if self._reranker is not None:
            ranked = await searcher.reranked(ranked, text, self._reranker)
        return await asyncio.to_thread(searcher.hits, ranked, k)

    async def drop(self, scope: Scope) -> None:
        """Delete the index of a scope; for a user, also those of all sessions."""
        user, session = scope
        scopes = [scope] if session is not None else [(user, name) for name in await self._sessions(user)] + [scope]
        for each in scopes:
            index = self.index(each)
            async with index.turn:
                await index.drop()
            self._open.pop(each, None)
        self._searchers.clear()

    def _source(self, scope: Scope) -> Path:
        user, session = scope
        return self._places.user(_checked(user)) / "files" if session is None else self._places.session(session)

    def _folder(self, scope: Scope) -> Path:
        user, session = scope
        below = self._places.user(_checked(user))
        return below / "index" if session is None else below / "index-sessions" / _checked(session)

    async def _sessions(self, user: str) -> list[str]:
        folder = self._places.user(_checked(user)) / "index-sessions"
        return await asyncio.to_thread(lambda: [path.name for path in folder.iterdir()] if folder.is_dir() else [])

    async def _searcher(self, indexes: Sequence[FolderIndex]) -> _Searchable:
        """Over all documents that have not changed since they were indexed, each content once."""
        stale = [frozenset(await index.changed()) for index in indexes]
        dimension = (await self._embedder.identity()).dimension
        key = (dimension, *zip((index.version for index in indexes), stale, strict=True))
        found = self._searchers.get(key)
        if found is None:
            documents: dict[str, Document] = {}
            names: dict[str, str] = {}
            for index, changed in zip(indexes, stale, strict=True):
                for name, document in index.documents.items():
                    if name not in changed and document.segment.vectors.shape[1] == dimension:
                        names[name] = documents.setdefault(document.digest, document).name
            found = await asyncio.to_thread(Searcher, list(documents.values()), dimension), names
            self._searchers[key] = found
            while len(self._searchers) > MAX_SEARCHERS:
                self._searchers.popitem(last=False)
        self._searchers.move_to_end(key)
        return found


def _checked(name: str) -> str:
    if not _ID.fullmatch(name):
        raise BadNameError("not a user or session ID")
    return name
