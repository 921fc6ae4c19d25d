"""Reads files in workers and caches the results; the interface of `tools/files`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.files import registry
from tools.files.cache import Entry, ProfileCache
from tools.files.joins import Linked
from tools.files.profile import FileUnreadable, Profile
from tools.files.recognition import page_text
from tools.files.render import file_label, human_size, loading, short
from tools.workers.jobs import JobError
from tools.workers.pool import WorkerError, WorkerOutOfMemory, Workers, WorkersUnavailable, WorkerTimeout
from workspace.retrieval.types import ExtractedText, Report

PRELOAD = ("tools.files.preload",)
"""Modules that the workers should preload."""
SECTIONS_SECONDS = 120.0
"""A whole document takes longer than a profile."""
PAGE_SECONDS, PAGE_MEMORY = 60.0, 2 << 30
"""Limits of text recognition on one page."""
MAX_TEXT = 5_000_000
"""Maximum characters of a document with scanned pages."""


@dataclass(frozen=True, slots=True)
class Brief:
    """A short description of a file, and its only table."""

    text: str
    table: Linked | None = None


@dataclass(frozen=True, slots=True)
class FileReader:
    """Reads one owner's files. Files cannot harm the service, because they are parsed in a worker."""

    workers: Workers
    cache: ProfileCache | None = None
    owner: str = ""

    async def profile(self, path: Path) -> Profile:
        """The file's profile. Raises `FileUnreadable` with a message for the user."""
        key = None
        if self.cache is not None:
            try:
                key = await self.cache.key(path, self.owner)
            except OSError as error:
                raise FileUnreadable("It cannot be opened.") from error
        entry = await self.cache.get(key) if self.cache is not None and key is not None else None
        if entry is None:
            entry = await self._read(path)
            if self.cache is not None and key is not None:
                await self.cache.put(key, entry)
        if entry.profile is None:
            raise FileUnreadable(entry.unreadable)
        return entry.profile

    async def text(self, path: Path, report: Report, ocr_pages: int) -> ExtractedText:
        """The text of a document, including that of its first `ocr_pages` scanned pages. Raises `FileUnreadable`."""
        try:
            document = await self.workers.run(registry.document, path, seconds=SECTIONS_SECONDS)
        except WorkerError as error:
            raise FileUnreadable(_words(error)) from error
        scans = document.scans
        if not scans.numbers:
            return ExtractedText(document.sections)
        pages, failed = await self.recognize(path, scans.numbers[:ocr_pages], scans.pages, report)
        left = len(scans.numbers) - ocr_pages
        notes = [
            f"{left} of its {len(scans.numbers)} scanned pages were not read, because text recognition reads at most "
            f"{ocr_pages} of a document."
            if left > 0
            else "",
            f"Text recognition failed on {len(failed)} pages, the first of them page {failed[0]}." if failed else "",
        ]
        return ExtractedText(
            document.with_pages(pages, MAX_TEXT), " ".join(filter(None, notes)), may_be_empty=scans.pictures_only
        )

    async def recognize(
        self, path: Path, numbers: Sequence[int], pages: int, report: Report
    ) -> tuple[dict[int, str], list[int]]:
        """`(the text of scanned pages by number, the pages that could not be read)`. Each page is a job of its own, so
        that other files are read in between.
        """
        texts: dict[int, str] = {}
        failed: list[int] = []
        for number in numbers:
            report(f"page {number} of {pages}, by text recognition")
            try:
                texts[number] = await self.workers.run(
                    page_text, path, number, seconds=PAGE_SECONDS, memory=PAGE_MEMORY
                )
            except WorkersUnavailable as error:
                raise FileUnreadable(_words(error)) from error
            except (WorkerError, JobError):
                failed.append(number)
        return texts, failed

    async def brief(self, path: Path, name: str) -> Brief:
        """A short description of the file `name` for a model, and its table, if it has one. An unreadable file is
        described as such.
        """
        try:
            profile = await self.profile(path)
        except FileUnreadable as error:
            return Brief(f"- {file_label(name)} ({human_size(_size(path))}): cannot be read. {error}")
        return Brief(short(profile, name), _table(profile, name))

    async def _read(self, path: Path) -> Entry:
        try:
            return Entry(await self.workers.run(registry.profile, path))
        except FileUnreadable as error:
            return Entry(None, str(error))
        except WorkersUnavailable as error:
            raise FileUnreadable(_words(error)) from error
        except WorkerError as error:
            return Entry(None, _words(error))


def tables_of(briefs: Mapping[str, Brief]) -> dict[str, Linked]:
    """The tables among the files, by name."""
    return {name: brief.table for name, brief in briefs.items() if brief.table is not None}


def _table(profile: Profile, name: str) -> Linked | None:
    """The file's only table, if one line of Python reads it."""
    setup, found, read = (loading(profile, name) or "").partition("df = ")
    if len(profile.tables) != 1 or not found or (setup and not setup.startswith("import ")):
        return None
    columns = profile.tables[0].columns
    texts = tuple(column.name for column in columns if column.kind == "text")
    return Linked(tuple(column.name for column in columns), read, setup.removesuffix("; "), texts)


def _words(error: WorkerError) -> str:
    if isinstance(error, WorkerTimeout):
        return "Reading it takes too long; it is too large or too complex."
    if isinstance(error, WorkerOutOfMemory):
        return "Reading it takes too much memory; it is too large or malicious."
    if isinstance(error, WorkersUnavailable):
        return "Files cannot be read at the moment; the service's log says why."
    return "It is damaged, or not what its name says."


def _size(path: Path) -> int:
    try:
        return path.stat(follow_symlinks=False).st_size
    except OSError:
        return 0
