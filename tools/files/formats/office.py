"""The common part of Excel, Word and PowerPoint files, which are ZIP archives of XML."""

import zipfile
from datetime import date

from tools.files.profile import DAMAGE, Fact, FileUnreadable, plain
from tools.files.source import Source

MAX_MEMBERS = 10_000
_XML = (".xml", ".rels", ".vml")
_PROPERTIES = {
    "title": "title", "author": "creator", "subject": "subject", "keywords": "keywords", "created": "created",
    "modified": "modified",
}  # fmt: skip
"""Facts, and the properties that have them."""


def check(source: Source, max_xml: int) -> None:
    """Refuse a file that `check_archive` refuses, or that is not an archive. Raises `FileUnreadable`."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            check_archive(archive, max_xml)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileUnreadable("It is a damaged Office file.") from error


def check_archive(archive: zipfile.ZipFile, max_xml: int) -> None:
    """Refuse an archive that unpacks to more than `max_xml` bytes of XML, the part that is parsed.

    The size that a member claims is a limit: zipfile reads no more. Raises `FileUnreadable`.
    """
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise FileUnreadable(f"It has {len(members):,} parts; no Office file of use has so many.")
    if any(member.flag_bits & 1 for member in members):
        raise FileUnreadable("It is locked with a password.")
    size = sum(member.file_size for member in members if member.filename.lower().endswith(_XML))
    if size > max_xml:
        raise FileUnreadable(
            f"It unpacks to {size >> 20:,} MB, and at most {max_xml >> 20:,} MB can be read: it is too large, "
            "or blown up to do harm."
        )


def member(archive: zipfile.ZipFile, name: str, limit: int = -1) -> bytes:
    """The content of a part, or its first `limit` bytes. Empty if there is no such part, or it is damaged."""
    try:
        with archive.open(name) as file:
            return file.read(limit)
    except (*DAMAGE, NotImplementedError):
        return b""


def about(properties: object) -> dict[str, Fact]:
    """Author, title and dates, if the document has them."""
    facts: dict[str, Fact] = {}
    for key, name in _PROPERTIES.items():
        if value := getattr(properties, name, None):
            facts[key] = value.isoformat() if isinstance(value, date) else plain(value, 200)
    return facts
