"""Reads a public web page: fetched safely, with its main text extracted."""

import asyncio
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, Field
from typing_extensions import override

from tools.agent_tool import AgentTool
from tools.errors import ToolFailed, ToolRetry
from tools.files.profile import FileUnreadable
from tools.files.reader import FileReader
from tools.kit import ToolKit
from tools.names import READ_PAGE
from tools.purpose import FirstCall, Fit, Purpose
from tools.question import Question
from tools.results import Extras, Source, with_sources
from tools.web.errors import FetchError, UnreachableError
from tools.web.extract import Readable, readable
from tools.web.fetch import Fetcher, Page
from tools.workers.pool import WorkerError
from workspace.owned_folder import temporary_folder

DESCRIPTION = "fetches a web page (or a PDF, text or JSON file) by its address and returns its main text."
PDF = "application/pdf"
KINDS = ("text/", "application/xhtml+xml", "application/json", "application/xml", "application/ld+json", PDF)
MAX_TEXT = 5000
"""Maximum characters returned at once."""
EXTRACT_SECONDS = 15.0
OCR_PAGES = 5
"""Maximum number of scanned pages of a PDF that text recognition reads."""
EXTRACT_MEMORY = 768 << 20
OTHERWISE = "Try another page, or do without."
READ_ON = "… [{left} more characters: start={end} reads on]"
NO_TEXT = (
    "The page has no text that can be read; it may be drawn by a program in the browser, or be an image. " + OTHERWISE
)


def _is_text(url: str) -> str:
    url.encode()  # half of a surrogate pair is invalid text; UnicodeEncodeError is a ValueError
    return url.strip().strip("<>\"'")


class ReadPageInput(BaseModel):
    """Input of `read_page`."""

    url: Annotated[str, AfterValidator(_is_text)] = Field(
        min_length=1, max_length=4096, description="The page's address, https://…"
    )
    start: int = Field(default=0, ge=0, description="characters of its text to leave out, to read on")


INPUT: type[BaseModel] = ReadPageInput


def _fit(question: Question) -> Fit:
    return Fit.NAMED if question.subject == "addresses" else Fit.NONE


def _first_call(question: Question) -> FirstCall | None:
    return FirstCall("I read the page.", question.addresses[0]) if question.addresses else None


PURPOSE = Purpose(kind="reading", fit=_fit, first_call=_first_call, activity="Reading the page")


class ReadPage(AgentTool):
    """The observation is the page as a source; raises `ToolRetry` for a page that cannot be read, `ToolFailed` if the
    web cannot be reached.
    """

    name: str = READ_PAGE
    description: str = DESCRIPTION
    args_schema: type[BaseModel] = INPUT
    purpose = PURPOSE
    fetcher: Fetcher
    reader: FileReader | None

    @override
    async def _arun(self, url: str, start: int = 0) -> tuple[str, Extras]:
        try:
            page = await self.fetcher.fetch(url, KINDS)
        except UnreachableError as error:
            raise ToolFailed(f"{error} {OTHERWISE}") from error
        except FetchError as error:
            raise ToolRetry(f"{error} {OTHERWISE}") from error
        read = await self._extract(page)
        if not read.text:
            raise ToolRetry(NO_TEXT)
        if start >= len(read.text):
            raise ToolRetry(f"The page's text has {len(read.text)} characters; start must be less.")
        source = _source(page, read, start)
        return with_sources("", [source], {"url": page.url, "characters": len(read.text), "start": start})

    async def _extract(self, page: Page) -> Readable:
        if self.reader is None:
            raise ToolFailed("Pages cannot be read here.")
        if page.body.startswith(b"%PDF-"):
            return await self._document(page, self.reader)
        if page.mime == PDF or b"\0" in page.body[:1024]:
            raise ToolRetry(f"The content does not match its declared type and is not text. {OTHERWISE}")
        try:
            return await self.reader.workers.run(
                readable,
                *(page.body, page.mime, page.charset, page.url),
                seconds=EXTRACT_SECONDS,
                memory=EXTRACT_MEMORY,
            )
        except WorkerError as error:
            raise ToolFailed(f"The page could not be read: {error} {OTHERWISE}") from error

    async def _document(self, page: Page, reader: FileReader) -> Readable:
        """A PDF, read like any file."""
        async with temporary_folder() as folder:
            path = folder / "page.pdf"
            await asyncio.to_thread(path.write_bytes, page.body)
            try:
                text = await reader.text(path, lambda _: None, OCR_PAGES)
            except FileUnreadable as error:
                raise ToolRetry(f"The PDF cannot be read. {error} {OTHERWISE}") from error
        parts = [f"(page {s.page}) {s.text}" if s.page is not None else s.text for s in text.sections]
        return Readable(unquote(page.url.rpartition("/")[2]), "\n\n".join(parts))


def _source(page: Page, read: Readable, start: int) -> Source:
    end = min(len(read.text), start + MAX_TEXT)
    shown = read.text[start:end]
    if end < len(read.text):
        whole = shown.rpartition("\n")[0] or shown
        # A paragraph is cut at its end, unless too little would be left.
        shown = whole if len(whole) > MAX_TEXT // 2 else shown
        end = start + len(shown)
        shown += "\n" + READ_ON.format(left=len(read.text) - end, end=end)
    return Source(
        kind="web",
        title=read.title or page.url,
        url=page.url,
        page=None,
        heading=None,
        position=start,
        score=1.0,
        text=shown,
    )


def build(kit: ToolKit) -> ReadPage:
    """The tool for one session."""
    return ReadPage(fetcher=kit.fetcher, reader=kit.reader)
