"""Kinds of documents in ZIP archives and in the container of the old Office formats (OLE)."""

import re
import zipfile
from pathlib import Path

import olefile

from tools.files.profile import DAMAGE, FileUnreadable

MAX_INDEX = 1 << 20
_FOLDERS = {"word": "docx", "ppt": "pptx", "xl": "xlsx"}
_MAIN_PART = re.compile(rb"""<[^>]*/officeDocument["'][^>]*>""")
_TARGET = re.compile(rb"""Target\s*=\s*["']/?(word|ppt|xl)/""")
_OPEN_DOCUMENT = {"text": "odt", "presentation": "odp", "graphics": "odp"}
_OLD = {
    "WordDocument": "It is a Word document of the old binary format. Save it as .docx.",
    "PowerPoint Document": "It is a PowerPoint presentation of the old binary format. Save it as .pptx.",
    "EncryptedPackage": "It is an Office file that is locked with a password. Save it without the password.",
}
_MESSAGE = "__properties_version1.0"


def zip_kind(archive: zipfile.ZipFile) -> str | None:
    """The kind of a document by the index that its format requires; None for other archives."""
    mime = _member(archive, "mimetype").decode("ascii", errors="replace").strip()
    if mime == "application/epub+zip":
        return "epub"
    if mime.startswith("application/vnd.oasis.opendocument."):
        return _OPEN_DOCUMENT.get(mime.rpartition(".")[2].partition("-")[0])
    main = _MAIN_PART.search(_member(archive, "_rels/.rels"))
    target = _TARGET.search(main[0]) if main else None
    return _FOLDERS[target[1].decode()] if target else None


def ole_kind(path: Path) -> str | None:
    """`msg` for an e-mail of Outlook, None for what is not known. Raises `FileUnreadable` for old Office documents."""
    try:
        with olefile.OleFileIO(path) as container:
            for stream, reason in _OLD.items():
                if container.exists(stream):
                    raise FileUnreadable(reason)
            return "msg" if container.exists(_MESSAGE) else None
    except DAMAGE as error:
        raise FileUnreadable("It is a damaged file of the old binary Office format.") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as file:
            return file.read(MAX_INDEX)
    except (*DAMAGE, NotImplementedError):
        return b""
