"""The description of the available files in the agent's prompts."""

import asyncio
from dataclasses import dataclass, field

from tools import TOOLS
from tools.files.joins import links
from tools.files.reader import Brief, FileReader, tables_of
from tools.question import FILE_KINDS, named
from workspace.errors import WorkspaceError
from workspace.folder import FileMark, list_files
from workspace.library import Library
from workspace.names import inside
from workspace.session import SessionWorkspace

MAX_FILES = 8
MAX_CHARACTERS = 6000
"""Limit for all descriptions together; beyond it, the older files get one line each."""
MAX_LISTED = 30


@dataclass(slots=True)
class FileContext:
    """Called before each thought of a turn. A file is described once, and again if it has changed."""

    reader: FileReader
    workspace: SessionWorkspace
    library: Library
    question: str
    _known: dict[tuple[str, FileMark], Brief] = field(default_factory=dict)

    async def __call__(self) -> str:
        """The session's newest files, then the names of the user's uploads. Empty if there are none.

        Uploads named in the question are copied into the session first.
        """
        stored = [info.name for info in await self.library.files()]
        await self._stage(named(self.question, stored))
        marks = await asyncio.to_thread(list_files, self.workspace.folder)
        newest = sorted(marks, key=lambda name: (marks[name].modified_ns, name))[-MAX_FILES:]
        briefs = await asyncio.gather(*(self._describe(name, marks[name]) for name in newest))
        lines = _within([brief.text for brief in briefs])
        lines += links(tables_of(dict(zip(newest, briefs, strict=True))))
        if others := [name for name in stored if name not in marks]:
            more = f" and {len(others) - MAX_LISTED} more" if len(others) > MAX_LISTED else ""
            listed = ", ".join(others[-MAX_LISTED:])
            lines.append(f"In the user's library, to be had with {_reader_of_all()}: {listed}{more}")
        return "\n".join(lines)

    async def _stage(self, names: list[str]) -> None:
        for name in names:
            try:
                await self.library.stage(name, self.workspace.folder)
            except (OSError, WorkspaceError):  # it was deleted in the meantime, or the session's folder is full
                continue

    async def _describe(self, name: str, mark: FileMark) -> Brief:
        known = self._known.get((name, mark))
        if known is None:
            try:
                path = inside(self.workspace.folder, name)
            except WorkspaceError:
                return Brief(f"- {name}")
            known = self._known[name, mark] = await self.reader.brief(path, name)
        return known


def _reader_of_all() -> str:
    """The tool that reads files of every kind."""
    purposes = {name: tool.PURPOSE for name, tool in TOOLS.items()}
    return next(name for name, purpose in purposes.items() if purpose.kind == "reading" and purpose.files == FILE_KINDS)


def _within(texts: list[str]) -> list[str]:
    room = MAX_CHARACTERS
    shown: list[str] = []
    for text in reversed(texts):
        shown.append(text if len(text) <= room else text.partition("\n")[0])
        room -= len(shown[-1])
    return shown[::-1]
