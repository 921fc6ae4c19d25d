"""Kinds of documents in ZIP archives and in the container of the old Office formats (OLE)."""

import re
import zipfile
from pathlib import Path

import olefile

from tools.files.formats.office import member
from tools.files.profile import DAMAGE, FileUnreadable
from tools.files.source import Source

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""How these files begin."""
MAX_INDEX = 1 << 20
_FOLDERS = {"word": "docx", "ppt": "pptx", "xl": "xlsx"}
_MAIN_PART = re.compile(rb"""<[^>]*/officeDocument["'][^>]*>""")
_TARGET = re.compile(rb"""Target\s*=\s*["']/?(word|ppt|xl)/""")
_PARTS = {
    "xl/workbook.xml": "xlsx",
    "xl/workbook.bin": "xlsb",
    "word/document.xml": "docx",
    "ppt/presentation.xml": "pptx",
}
_OPEN_DOCUMENT = {"text": "odt", "presentation": "odp", "graphics": "odp", "spreadsheet": "ods"}
_OLD = {
    "WordDocument": "It is a Word document of the old binary format. Save it as .docx.",
    "PowerPoint Document": "It is a PowerPoint presentation of the old binary format. Save it as .pptx.",
    "EncryptedPackage": "It is an Office file that is locked with a password. Save it without the password.",
}
_MESSAGE = "__properties_version1.0"
_WORKBOOKS = ("Workbook", "Book")


def kind_of(source: Source) -> str | None:
    """The kind of document, None for another archive. Raises `FileUnreadable` if it is damaged, locked or too old."""
    if not source.head.startswith(b"PK"):
        if (found := ole_kind(source.path)) is not None:
            return found
        raise FileUnreadable("It is an Office file of an old binary kind. Save it as .xlsx, .docx or .pptx.")
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = {name.lower().lstrip("/") for name in archive.namelist()}
            return next((kind for part, kind in _PARTS.items() if part in names), None) or zip_kind(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileUnreadable(
            "It begins like a ZIP archive (or an Office file), but it is damaged or cut off."
        ) from error


def zip_kind(archive: zipfile.ZipFile) -> str | None:
    """The kind of a document by the index that its format requires; None for other archives."""
    mime = member(archive, "mimetype", MAX_INDEX).decode("ascii", errors="replace").strip()
    if mime == "application/epub+zip":
        return "epub"
    if mime.startswith("application/vnd.oasis.opendocument."):
        return _OPEN_DOCUMENT.get(mime.rpartition(".")[2].partition("-")[0])
    main = _MAIN_PART.search(member(archive, "_rels/.rels", MAX_INDEX))
    target = _TARGET.search(main[0]) if main else None
    return _FOLDERS[target[1].decode()] if target else None


def ole_kind(path: Path) -> str | None:
    """`msg` for an e-mail of Outlook, `xls` for a workbook, None for what is not known. Raises `FileUnreadable` for
    other Office documents.
    """
    try:
        with olefile.OleFileIO(path) as container:
            for stream, reason in _OLD.items():
                if container.exists(stream):
                    raise FileUnreadable(reason)
            if any(container.exists(stream) for stream in _WORKBOOKS):
                return "xls"
            return "msg" if container.exists(_MESSAGE) else None
    except DAMAGE as error:
        raise FileUnreadable("It is a damaged file of the old binary Office format.") from error
