"""The index of one folder of documents, always derived from the documents."""

import asyncio
import logging
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from workspace.retrieval.document_segment import Reading
from workspace.retrieval.searcher import Document
from workspace.retrieval.segment import DamagedError, Segment
from workspace.retrieval.settings import RetrievalSettings
from workspace.retrieval.snapshot import DOCUMENTS, Mark, marks, take
from workspace.retrieval.store import IndexStore, Manifest, Record
from workspace.retrieval.types import Embedder, Extract, ModelIdentity

log = logging.getLogger(__name__)

SAVE_SECONDS = 2.0
"""How often the manifest is written while many documents are added."""


class FolderIndex:
    """Passages of the documents in `source`, stored in `folder`; `scratch` is on the same disk. Callers of `sync` and
    `drop` must exclude each other.
    """

    def __init__(
        self,
        source: Path,
        folder: Path,
        scratch: Path,
        embedder: Embedder,
        settings: RetrievalSettings,
        *,
        readers: int,
        max_file_bytes: int,
        extensions: Collection[str] = DOCUMENTS,
    ) -> None:
        """Files with other `extensions` are ignored."""
        self._source = source
        self._store = IndexStore(folder, scratch)
        self._embedder = embedder
        self._settings = settings
        self._readers = readers
        self._max_file_bytes = max_file_bytes
        self._extensions = extensions
        self._cutting = (settings.passage_tokens, settings.overlap_tokens, settings.max_passages)
        self._manifest: Manifest | None = None
        self._documents: dict[str, Document] = {}
        self._stamp: tuple[int, ...] | None = None
        """Identifies the manifest in memory; None while it may differ from the one on disk."""
        self._unswept = True
        """There may be files that the manifest does not refer to."""
        self._saved = 0.0
        self.progress: dict[str, str] = {}
        """How far the reading of each document has come that is being read."""
        self.turn = asyncio.Lock()
        """Locked by callers of sync and drop."""
        self.version: object = object()
        """Changes whenever the documents change; unlike a number, it is unique across indexes."""

    @property
    def documents(self) -> Mapping[str, Document]:
        """The searchable documents by name."""
        return self._documents

    @property
    def records(self) -> Mapping[str, Record]:
        """What is known about each file, including unreadable ones."""
        return self._manifest.records if self._manifest is not None else {}

    async def changed(self) -> set[str]:
        """Names whose file is new, deleted or changed since it was indexed. Reads the folder, but no file."""
        found = await asyncio.to_thread(self._found)
        records = dict(self.records)
        marks = {name: record.mark for name, record in records.items()}
        return {name for name in found.keys() | marks.keys() if found.get(name) != marks.get(name)}

    async def sync(self, extract: Extract, lender: "FolderIndex | None" = None) -> None:
        """Index new and changed files, drop deleted ones, and rebuild damaged parts.

        Documents that `lender` has are copied from it. Raises `VectorsUnavailableError`. If cancelled, completed work
        is kept.
        """
        if not await asyncio.to_thread(self._any):
            self._show({})
            return
        model = await self._embedder.identity()
        async with self._store.locked():
            manifest, wanted = await asyncio.to_thread(self._begin, model)
            reading = Reading(self._store, self._embedder, self._settings, self._max_file_bytes, extract, lender)
            todo = iter(wanted.items())
            readers = [asyncio.create_task(self._work(todo, manifest, reading)) for _ in range(self._readers)]
            try:
                await asyncio.gather(*readers)
            finally:
                for reader in readers:
                    reader.cancel()
                await asyncio.gather(*readers, return_exceptions=True)
            await asyncio.to_thread(self._end, manifest, changed=bool(wanted))

    async def drop(self) -> None:
        """Delete the index from disk and memory."""
        self._show({})
        self._manifest = None
        if await asyncio.to_thread(self._store.folder.is_dir):
            async with self._store.locked():
                await asyncio.to_thread(shutil.rmtree, self._store.folder, ignore_errors=True)

    def lend(self, digest: str, dimension: int) -> Segment | None:
        """The segment of a document with this content, if there is one."""
        for document in self._documents.values():
            if document.digest == digest and document.segment.vectors.shape[1] == dimension:
                return document.segment
        return None

    def _any(self) -> bool:
        return self._store.folder.is_dir() or bool(self._found())

    def _found(self) -> dict[str, Mark]:
        return marks(self._source, self._settings.max_documents, self._extensions)

    def _show(self, documents: dict[str, Document]) -> None:
        if documents != self._documents:
            self._documents = documents
            self.version = object()

    def _begin(self, model: ModelIdentity) -> tuple[Manifest, dict[str, Mark]]:
        """Load what is intact and drop deleted files; returns `(manifest, the files to index)`."""
        manifest, self._stamp = self._read(model), None
        found, known = self._found(), len(manifest.records)
        manifest.records = {name: record for name, record in manifest.records.items() if name in found}
        if self._manifest is None or len(manifest.records) != known:
            # Unreadable files are retried after a restart, and when there may be room.
            manifest.records = {name: record for name, record in manifest.records.items() if not record.reason}
        documents = {}
        for name, record in list(manifest.records.items()):
            if record.reason:
                continue
            try:
                documents[name] = self._loaded(name, record.digest, manifest)
            except DamagedError as error:
                log.warning("the index of %s is damaged (%s); rebuilding it", name, error)
                del manifest.records[name]
        if len(manifest.records) != known:
            self._store.write(manifest)
        self._unswept = self._unswept or len(manifest.records) != known
        self._manifest = manifest
        self._show(documents)
        wanted = {n: m for n, m in found.items() if n not in manifest.records or manifest.records[n].mark != m}
        return manifest, wanted

    def _read(self, model: ModelIdentity) -> Manifest:
        """The manifest on disk, or the one in memory if nothing has written another since."""
        there = self._manifest
        if there is not None and there.model == model and self._stamp == self._store.stamp():
            return there
        return self._store.read(model, self._cutting)

    def _loaded(self, name: str, digest: str, manifest: Manifest) -> Document:
        there = self._documents.get(name)
        if there is not None and there.digest == digest and there.segment.vectors.shape[1] == manifest.model.dimension:
            return there
        return Document(name, digest, self._store.read_segment(manifest, digest))

    def _end(self, manifest: Manifest, *, changed: bool) -> None:
        if changed:
            self._store.write(manifest)
        if changed or self._unswept:
            self._store.sweep(manifest)  # not earlier: this sync may use what an interrupted one has left
        self._unswept = False
        self._stamp = self._store.stamp()

    async def _work(self, todo: Iterator[tuple[str, Mark]], manifest: Manifest, reading: Reading) -> None:
        for name, mark in todo:
            await self._take(name, mark, manifest, reading)
            if time.monotonic() - self._saved > SAVE_SECONDS:
                self._saved = time.monotonic()
                await asyncio.to_thread(self._store.write, replace(manifest, records=dict(manifest.records)))

    async def _take(self, name: str, mark: Mark, manifest: Manifest, reading: Reading) -> None:
        """Index the current version of a file. One that was deleted, or is not a regular file, is left to the next
        sync.
        """
        scratch = await asyncio.to_thread(self._store.scratch)
        try:
            copy = scratch / f"document.{name.rpartition('.')[2].lower()}"
            try:
                digest = await asyncio.to_thread(take, self._source, name, copy, self._max_file_bytes)
            except OSError:
                return
            old = manifest.records.get(name)
            if old is not None and old.digest == digest:
                manifest.records[name] = replace(old, mark=mark)
                return
            room = self._settings.max_all_passages - sum(
                record.passages for other, record in manifest.records.items() if other != name
            )
            self.progress[name] = ""
            read = await reading.read(copy, digest, manifest, room, partial(self.progress.__setitem__, name))
        finally:
            self.progress.pop(name, None)
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
        others = {other: document for other, document in self._documents.items() if other != name}
        if isinstance(read, str):
            manifest.records[name] = Record(mark, digest, 0, reason=read)
            self._show(others)
        else:
            manifest.records[name] = Record(mark, digest, len(read.passages), read.cut, note=read.note)
            self._show({**others, name: Document(name, digest, read)})
