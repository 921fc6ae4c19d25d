"""The common part of office files: ZIP archives of XML, and the older compound files."""

import mmap
import zipfile
from datetime import date

from tools.files.profile import Fact, FileUnreadable, plain
from tools.files.source import Source

MAX_MEMBERS = 10_000
_XML = (".xml", ".rels", ".vml")


COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How files of the old binary kinds begin, and those with a password."""
LOCKED = "It is locked with a password. Remove the password and upload it again."
_MEMBERS = {
    "xl/workbook.xml": "xlsx",
    "xl/workbook.bin": "xlsb",
    "word/document.xml": "docx",
    "ppt/presentation.xml": "pptx",
}
_SPREADSHEET = b"application/vnd.oasis.opendocument.spreadsheet"
_STREAMS = {"EncryptedPackage": "locked", "WordDocument": "doc", "PowerPoint Document": "ppt", "Workbook": "xls"}
_OLD = {"doc": "a Word document", "ppt": "a presentation"}


def kind_of(source: Source) -> str | None:
    """`xlsx`, `xlsb`, `xls`, `ods`, `docx` or `pptx`; None if it is something else.

    Raises `FileUnreadable` for an archive that is damaged, and for documents of the old binary kinds.
    """
    if source.head.startswith(COMPOUND):
        return _kind_of_compound(source)
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = {name.lower().replace("\\", "/").lstrip("/") for name in archive.namelist()}
            if "mimetype" in names and archive.open("mimetype").read(100).startswith(_SPREADSHEET):
                return "ods"
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, KeyError, RuntimeError) as error:
        raise FileUnreadable(
            "It begins like a ZIP archive (or an Office file), but it is damaged or cut off."
        ) from error
    return next((kind for member, kind in _MEMBERS.items() if member in names), None)


def _kind_of_compound(source: Source) -> str:
    """By the names in its directory, which are UTF-16."""
    with source.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        kind = next((kind for name, kind in _STREAMS.items() if data.find(name.encode("utf-16-le")) >= 0), "")
        if not kind and data.find("Book\0".encode("utf-16-le")) >= 0:
            kind = "xls"
    if kind == "locked":
        raise FileUnreadable(LOCKED)
    if kind != "xls":
        what = _OLD.get(kind, "an Office file")
        raise FileUnreadable(f"It is {what} of the old binary kind. Save it as .docx, .pptx or .xlsx.")
    return kind


def check(source: Source, max_xml: int) -> None:
    """Refuse an archive that unpacks to more than `max_xml` bytes of XML, the part that is parsed.

    The size that a member claims is a limit: zipfile reads no more. Raises `FileUnreadable`.
    """
    try:
        with zipfile.ZipFile(source.path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileUnreadable("It is a damaged Office file.") from error
    if len(members) > MAX_MEMBERS:
        raise FileUnreadable(f"It has {len(members):,} parts; no Office file of use has so many.")
    if any(member.flag_bits & 1 for member in members):
        raise FileUnreadable(LOCKED)
    size = sum(member.file_size for member in members if member.filename.lower().endswith(_XML))
    if size > max_xml:
        raise FileUnreadable(
            f"It unpacks to {size >> 20:,} MB, and at most {max_xml >> 20:,} MB can be read: it is too large, "
            "or blown up to do harm."
        )


def about(properties: object) -> dict[str, Fact]:
    """Author, title and dates, if the document has them."""
    facts: dict[str, Fact] = {}
    for key, names in (
        ("title", ("title",)),
        ("author", ("author", "creator")),
        ("subject", ("subject",)),
        ("keywords", ("keywords",)),
        ("created", ("created",)),
        ("modified", ("modified",)),
    ):
        value = next((found for name in names if (found := getattr(properties, name, None))), None)
        if value:
            facts[key] = value.isoformat() if isinstance(value, date) else plain(value, 200)
    return facts
