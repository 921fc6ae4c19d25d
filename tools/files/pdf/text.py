"""The text of PDF pages, by PDFium: fast, and right for rotated pages and damaged files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pypdfium2
import pypdfium2.raw as pdfium_c

from tools.files.profile import FileUnreadable

if TYPE_CHECKING:
    from PIL.Image import Image

PdfiumError: type[Exception] = pypdfium2.PdfiumError
MIN_LETTERS = 50
"""A page with fewer letters and a picture on most of it is a scan with a stamp or a page number."""
SCAN_COVER = 0.5
"""The share of a page that its pictures cover if it is a scan."""
UNREADABLE = 0.3
"""The share of characters without meaning from which a text layer is useless."""
SAMPLE = 2000
"""Characters of a page that are looked at to see whether it is a scan."""
MAX_OBJECTS = 2000
_HYPHEN = "\x02"
"""PDFium's mark for a hyphen at the end of a line; the line break is left out."""
_SPLIT = re.compile(rf"(\w+){_HYPHEN}(\w+)")
_COMPOUND = re.compile(r"\w+-\w+")
_WORD = re.compile(r"\w+")


class PdfText:
    """The pages of a PDF by number, from 1. A page that cannot be read is empty."""

    def __init__(self, path: Path) -> None:
        """Raises `FileUnreadable`."""
        try:
            self._document: Any = pypdfium2.PdfDocument(path)
        except PdfiumError as error:
            locked = getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD
            reason = "It is locked with a password. Save it without the password." if locked else "It is a damaged PDF."
            raise FileUnreadable(reason) from error

    def __len__(self) -> int:
        return len(self._document)

    def pages(self, count: int) -> Iterator["PdfPage"]:
        """The first `count`, each valid until the next one."""
        for number in range(1, min(count, len(self)) + 1):
            page = self.page(number)
            try:
                yield page
            finally:
                page.close()

    def page(self, number: int) -> "PdfPage":
        return PdfPage(self._document, number)


class PdfPage:
    """One page; empty if it is damaged."""

    def __init__(self, document: Any, number: int) -> None:
        self.number = number
        self._text: Any = None
        try:
            self._page: Any = document[number - 1]
        except PdfiumError:
            self._page = None

    def text(self) -> str:
        """The text in the order of the page's contents, with `\\x02` for each hyphen at a line's end."""
        return self.text_in()

    def text_in(self, *box: float) -> str:
        """The text in a rectangle, or on the whole page: left, bottom, right, top, in points of the page."""
        if self._page is None:
            return ""
        try:
            self._text = self._text or self._page.get_textpage()
            found: str = self._text.get_text_bounded(*box)
        except PdfiumError:
            return ""
        return found.replace("\r\n", "\n").replace("\r", "\n")

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points, as displayed."""
        return self._page.get_size() if self._page is not None else (0.0, 0.0)

    def is_scanned(self, text: str) -> bool:
        """Whether the page has to be read by text recognition: its text is in a picture, or in drawn shapes."""
        if self._page is None:
            return False
        characters = "".join(text[:SAMPLE].split())
        letters = sum(map(str.isalnum, characters))
        if not characters:
            return next(self._objects(), None) is not None
        if sum(map(_is_meaningless, characters)) > UNREADABLE * len(characters):
            return True
        return letters < MIN_LETTERS and self._picture_share() >= SCAN_COVER

    def picture(self, side: int) -> "Image":
        """The page as displayed, with `side` pixels on its longer side. Raises `FileUnreadable`."""
        if self._page is None:
            raise FileUnreadable("The page is damaged.")
        image: Image = self._page.render(scale=side / max(*self.size, 1), may_draw_forms=False).to_pil()
        return image.convert("RGB")

    def close(self) -> None:
        for part in (self._text, self._page):
            if part is not None:
                part.close()

    def _objects(self) -> Iterator[Any]:
        for at, each in enumerate(self._page.get_objects(max_depth=3)):
            if at >= MAX_OBJECTS:
                return
            yield each

    def _picture_share(self) -> float:
        width, height = self.size
        area = 0.0
        for each in self._objects():
            if each.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
                left, bottom, right, top = each.get_bounds()
                area += abs((right - left) * (top - bottom))
        return area / (width * height) if width * height else 0.0


class LineEnds:
    """Joins words that were divided at the ends of lines, with the whole document's words as the dictionary."""

    def __init__(self, texts: list[str]) -> None:
        self._compounds = {word.casefold() for text in texts if _HYPHEN in text for word in _COMPOUND.findall(text)}
        self._words = {word.casefold() for text in texts if self._compounds for word in _WORD.findall(text)}

    def joined(self, text: str) -> str:
        """The text without the marks of hyphens; the hyphen itself stays in a compound, a name or a number."""
        return _SPLIT.sub(self._one, text).replace(_HYPHEN, "-") if _HYPHEN in text else text

    def _one(self, match: re.Match[str]) -> str:
        first, second = match[1], match[2]
        compound = f"{first}-{second}"
        is_compound = compound.casefold() in self._compounds and (first + second).casefold() not in self._words
        return compound if is_compound or not second[0].islower() else first + second


def _is_meaningless(character: str) -> bool:
    return character == "\ufffd" or "\ue000" <= character <= "\uf8ff" or character < " "
