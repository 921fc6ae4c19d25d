"""Parts of a PDF that are read with pypdf, each with a time limit."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pdfminer.psexceptions import PSException
from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from tools.files.deadline import OutOfTime, at_most
from tools.files.pdf.text import PdfiumError
from tools.files.profile import DAMAGE

T = TypeVar("T")
BROKEN = (*DAMAGE, PyPdfError, PSException, PdfminerException, MalformedPDFException, PdfiumError)
"""What the libraries raise for damaged files."""


class Parts:
    """Reads optional parts. After the first part that takes too long, no further part is tried."""

    def __init__(self) -> None:
        self.late = False

    def read(self, seconds: float, part: Callable[[], T], otherwise: T) -> T:
        """The part's result; `otherwise` if it takes too long or is broken."""
        if self.late:
            return otherwise
        try:
            with at_most(seconds):
                return part()
        except OutOfTime:
            self.late = True
        except BROKEN:
            pass
        return otherwise


def opened(path: Path) -> PdfReader:
    """The file for pypdf. Raises one of `BROKEN`."""
    reader = PdfReader(path, strict=False)
    if reader.is_encrypted:
        reader.decrypt("")
    return reader
