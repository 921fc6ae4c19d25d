"""Describes a file's content: its structure, statistics, a preview, and how to load it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, Field
from typing_extensions import override

from tools.agent_tool import AgentTool
from tools.errors import ToolFailed, ToolRetry
from tools.files.profile import FileUnreadable, Profile, passage
from tools.files.reader import FileReader
from tools.files.render import as_data, long
from tools.kit import OnOutput, ToolKit, in_lines
from tools.names import FILE_ANALYZER
from tools.purpose import FirstCall, Purpose
from tools.question import FILE_KINDS, Question
from tools.results import Extras
from tools.session_files import staged
from workspace.errors import BadNameError
from workspace.library import Library
from workspace.names import inside
from workspace.session import SessionWorkspace

DESCRIPTION = (
    "says what a file holds: columns, types, ranges and first rows of a table, sheets of a workbook, pages of a "
    "document, size of a picture, and the line of Python that loads it. The input is the file's name."
)
MAX_LISTED = 30
PREVIEW_PAGES = 2
"""Maximum number of scanned pages that are read by text recognition."""


class FileAnalyzerInput(BaseModel):
    """Input of `file_analyzer`."""

    filename: str = Field(
        min_length=1, max_length=1000, description="The name of a file of the session or of the user's library."
    )


INPUT: type[BaseModel] = FileAnalyzerInput


def _first_call(question: Question) -> FirstCall | None:
    names = [*question.named.all, *reversed(question.files.all)]
    return FirstCall(f"I look into {names[0]}.", names[0]) if names else None


PURPOSE = Purpose(kind="reading", first_call=_first_call, files=FILE_KINDS, activity="Reading the file")


class FileAnalyzer(AgentTool):
    """The observation is a profile as text, `Extras.data` the same as data.

    An upload is copied into the session, so that programs can read it too. Raises `ToolRetry` for an unknown name,
    `ToolFailed` for a file that cannot be read.
    """

    name: str = FILE_ANALYZER
    description: str = DESCRIPTION
    args_schema: type[BaseModel] = INPUT
    purpose = PURPOSE
    workspace: SessionWorkspace
    reader: FileReader | None
    library: Library | None
    on_output: OnOutput | None = None

    @override
    async def _arun(self, filename: str) -> tuple[str, Extras]:
        if self.reader is None:
            raise ToolFailed("Files cannot be analyzed here.")
        name = await self._find(filename)
        try:
            profile = await self.reader.profile(inside(self.workspace.folder, name))
        except FileUnreadable as error:
            raise ToolFailed(f"{name} cannot be read. {error}") from error
        except BadNameError as error:
            raise ToolRetry(f"{name} is not a file of this session.") from error
        if profile.scanned:
            profile = await self._with_recognized(profile, inside(self.workspace.folder, name))
        return long(profile, name), Extras(data=as_data(profile, name))

    async def _with_recognized(self, profile: Profile, path: Path) -> Profile:
        """The profile with the text of its first scanned pages as its preview."""
        assert self.reader is not None
        pages = int(str(profile.facts.get("pages", profile.facts.get("frames", 1))))
        texts, _ = await self.reader.recognize(path, profile.scanned[:PREVIEW_PAGES], pages, in_lines(self.on_output))
        text = "\n".join(filter(None, (profile.preview, *texts.values())))
        return replace(profile, preview=passage(text)) if text else profile

    async def _find(self, asked: str) -> str:
        """The name of a file that is now in the session's folder."""
        own = [info.name for info in await self.workspace.files()]
        if (name := await staged(asked, own, self.workspace, self.library)) is not None:
            return name
        stored = [info.name for info in await self.library.files()] if self.library is not None else []
        raise ToolRetry(_unknown([*reversed(own), *reversed(stored)]))


def build(kit: ToolKit) -> FileAnalyzer:
    """The tool for one session."""
    return FileAnalyzer(workspace=kit.workspace, reader=kit.reader, library=kit.library, on_output=kit.on_output)


def _unknown(names: Sequence[str]) -> str:
    there = list(dict.fromkeys(names))
    if not there:
        return "There is no such file; there are no files at all."
    more = f" and {len(there) - MAX_LISTED} more" if len(there) > MAX_LISTED else ""
    return f"There is no such file. The files are: {', '.join(there[:MAX_LISTED])}{more}."
