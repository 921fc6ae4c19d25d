"""The text of each page of a PDF, with its form fields and annotations, which are not part of the pages' own text."""

from functools import cached_property
from pathlib import Path

from pypdf import PdfReader

from tools.files.pdf.annotations import page_notes
from tools.files.pdf.forms import other_fields, page_fields, xfa_values
from tools.files.pdf.objects import entries
from tools.files.pdf.parts import BROKEN, Parts, opened
from tools.files.pdf.text import LineEnds, PdfPage, PdfText

MAX_TEXT = 6_000_000
"""Characters after which no further page is read."""


class PageTexts:
    """The first pages of a document."""

    def __init__(self, path: Path, most: int) -> None:
        """Raises `FileUnreadable`."""
        self._path = path
        self._document = PdfText(path)
        self._most = most
        self.count = len(self._document)
        self.texts: list[str] = []
        self.scanned: list[int] = []
        """Numbers of the pages whose text is in a picture."""
        self.has_form = False

    @cached_property
    def reader(self) -> PdfReader:
        """For what is not text."""
        return opened(self._path)

    def read(self, parts: Parts, seconds: float, extras_seconds: float) -> None:
        """Read the pages, then their form fields and annotations. What was read before a time limit is kept."""
        parts.read(seconds, self._read_texts, None)
        ends = LineEnds(self.texts)
        self.texts = [ends.joined(text) for text in self.texts]
        parts.read(extras_seconds, self._add_extras, None)

    def _read_texts(self) -> None:
        length = 0
        for page in self._document.pages(self._most):
            text = page.text()
            self.texts.append(text)
            if page.is_scanned(text):
                self.scanned.append(page.number)
            length += len(text)
            if length > MAX_TEXT:
                return

    def _add_extras(self) -> None:
        reader = self.reader
        seen: set[int] = set()
        for page in self._document.pages(min(len(self.texts), len(reader.pages))):
            lines = _page_extras(reader, page, seen)
            self._add(page.number, lines)
        known = "\n".join(self.texts)
        rest = other_fields(reader, seen)
        rest += [line for line in xfa_values(reader) if line.partition(": ")[2] not in known]
        self.has_form = bool(seen)
        self._add(1, rest)

    def _add(self, number: int, lines: list[str]) -> None:
        if lines and number <= len(self.texts):
            self.texts[number - 1] = "\n".join([self.texts[number - 1], *lines]).strip()


def _page_extras(reader: PdfReader, page: PdfPage, seen: set[int]) -> list[str]:
    try:
        found = [each for each in entries(reader.pages[page.number - 1].get("/Annots")) if isinstance(each, dict)]
        return [*page_fields(found, page, seen), *page_notes(found, page)]
    except BROKEN:
        return []
