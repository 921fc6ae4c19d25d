"""Selects the handler of a file: by its content; its name only distinguishes kinds of text."""

import json
import re
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from tools.files.containers import ole_kind, zip_kind
from tools.files.formats.languages import names_a_language
from tools.files.mail_headers import is_mail
from tools.files.profile import DAMAGE, FileUnreadable, Profile
from tools.files.sections import DocumentText, Scans, Section
from tools.files.source import Source, encoding_of, head_text, open_source

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")


class Handler(Protocol):
    """The functions of a format's file. Both raise `FileUnreadable` for what they cannot read.

    `ERRORS`, if present, are exceptions of its libraries in addition to `DAMAGE`. A format whose pages may be pictures
    has the functions of `PagesHandler` as well.
    """

    def profile(self, source: Source) -> Profile:
        """Structure, statistics and a preview, limited in size."""

    def sections(self, source: Source) -> list[Section]:
        """The text in sections; empty if there is none."""


class PagesHandler(Protocol):
    """The functions of a format whose pages may be pictures."""

    def document(self, source: Source) -> DocumentText:
        """The sections, and the pages whose text is in a picture."""

    def picture(self, source: Source, number: int, side: int) -> "Image":
        """A page as RGB, with about `side` pixels on its longer side."""


HANDLERS: dict[str, str] = {
    "csv": "tools.files.formats.delimited",
    "xlsx": "tools.files.formats.excel",
    "json": "tools.files.formats.json",
    "jsonl": "tools.files.formats.json_lines",
    "parquet": "tools.files.formats.parquet",
    "pdf": "tools.files.formats.pdf",
    "docx": "tools.files.formats.word",
    "pptx": "tools.files.formats.powerpoint",
    "odt": "tools.files.formats.open_document",
    "odp": "tools.files.formats.open_document",
    "rtf": "tools.files.formats.rich_text",
    "epub": "tools.files.formats.epub",
    "eml": "tools.files.formats.mail",
    "msg": "tools.files.formats.outlook",
    "html": "tools.files.formats.html",
    "text": "tools.files.formats.text",
    "image": "tools.files.formats.image",
    "zip": "tools.files.formats.archive",
    "binary": "tools.files.formats.binary",
}
"""Module of each kind; imported for the first file of its kind."""

_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
    (b"II*\0", "image"),
    (b"MM\0*", "image"),
    (b"{\\rtf", "rtf"),
)
_OFFICE = {"xl/workbook.xml": "xlsx", "word/document.xml": "docx", "ppt/presentation.xml": "pptx"}
_TABLES = (".csv", ".tsv", ".tab", ".psv")
_HTML = re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_JSON = re.compile(r'\s*[\[{]\s*(["\[{\]}\d-]|true\b|false\b|null\b)')


def examine(path: Path, question: Callable[[Handler, Source], T]) -> T:
    """Call the file's handler. Runs in a worker. Raises `FileUnreadable`."""
    source = open_source(path)
    handler = import_module(HANDLERS[recognize(source)])
    broken: tuple[type[Exception], ...] = (*DAMAGE, *getattr(handler, "ERRORS", ()))
    try:
        return question(cast("Handler", handler), source)
    except RecursionError:
        raise FileUnreadable("Its contents are nested too deeply to be read.") from None
    except broken as error:
        raise FileUnreadable("It is damaged, or not what it seems.") from error


def profile(path: Path) -> Profile:
    """The file's profile. Raises `FileUnreadable`."""
    return examine(path, lambda handler, source: handler.profile(source))


def recognize(source: Source) -> str:
    """The file's kind, a key of `HANDLERS`. Raises `FileUnreadable` if it has none, with the reason."""
    head = source.head
    if not head:
        raise FileUnreadable("It is empty.")
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or (head[:2] == b"BM" and head[6:10] == bytes(4)):
        return "image"
    if head.startswith(b"PAR1") and _tail(source) == b"PAR1":
        return "parquet"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(source)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if (found := ole_kind(source.path)) is not None:
            return found
        raise FileUnreadable(
            "It is an Office file of the old binary kind, or one locked with a password. Save it as .xlsx, .docx or "
            ".pptx without a password."
        )
    encoding = encoding_of(source)
    if b"%PDF-" in head[:1024] and (encoding is None or source.suffix == ".pdf"):
        return "pdf"
    return "binary" if encoding is None else _text_kind(source, head_text(source, encoding))


def _tail(source: Source) -> bytes:
    with source.path.open("rb") as file:
        file.seek(max(0, source.size - 4))
        return file.read(4)


def _zip_kind(source: Source) -> str:
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = set(archive.namelist())
            kind = next((kind for member, kind in _OFFICE.items() if member in names), None) or zip_kind(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileUnreadable(
            "It begins like a ZIP archive (or an Office file), but it is damaged or cut off."
        ) from error
    return kind or "zip"


def _text_kind(source: Source, text: str) -> str:
    if is_mail(source.head):
        return "eml"
    if source.suffix in _TABLES:
        return "csv"
    if _JSON.match(text):
        return "jsonl" if source.suffix in (".jsonl", ".ndjson") or _is_lines_of_json(text) else "json"
    if source.suffix != ".md" and _HTML.match(text):
        return "html"
    if not names_a_language(source) and is_table(source, text):
        return "csv"
    return "text"


def _is_lines_of_json(text: str) -> bool:
    lines = [line for line in text.splitlines()[:3] if line.strip()]
    if len(lines) < 2:
        return False
    try:
        return isinstance(json.loads(lines[0]), dict | list) and lines[1].lstrip()[:1] in ("{", "[")
    except (ValueError, RecursionError):
        return False


def is_table(source: Source, text: str) -> bool:
    """Whether the lines are rows of a table: names above values, divided in one way."""
    lines = text.splitlines()[:200]
    if any(len(line) > 10_000 for line in lines) or "\0" in text:
        return False
    beginning = "\n".join(lines[:-1] if source.size > len(source.head) else lines)
    return bool(import_module(HANDLERS["csv"]).is_table(beginning))


def sections(path: Path) -> list[Section]:
    """A document's text in sections; empty if it has none. Runs in a worker. Raises `FileUnreadable`."""
    return examine(path, lambda handler, source: handler.sections(source))


def document(path: Path) -> DocumentText:
    """A document's text, and the pages whose text is in pictures. Runs in a worker. Raises `FileUnreadable`."""
    return examine(path, _document)


def _document(handler: Handler, source: Source) -> DocumentText:
    if hasattr(handler, "document"):
        return cast("PagesHandler", handler).document(source)
    return DocumentText(handler.sections(source), Scans(0, []))


def picture(path: Path, number: int, side: int) -> "Image":
    """A page that `document` lists as scanned, with about `side` pixels on its longer side, as RGB. Runs in a worker.
    Raises `FileUnreadable`.
    """
    return examine(path, lambda handler, source: cast("PagesHandler", handler).picture(source, number, side))
