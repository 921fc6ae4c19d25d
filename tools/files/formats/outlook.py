"""E-mails saved by Outlook (.msg)."""

import olefile

from tools.files.formats.html import passages_of
from tools.files.profile import Profile, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source

MAX_PROPERTY = 8 << 20
MAX_ATTACHMENTS = 100
MAX_TEXT = 5_000_000
_HEADERS = {"From": ("0C1A", "0C1F"), "To": ("0E04",), "Cc": ("0E03",), "Subject": ("0037",)}
"""Numbers of the properties in MS-OXPROPS; the first one that is set is used."""
_BODY, _HTML, _FILE_NAMES = "1000", "1013", ("3707", "3704", "3001")
_UNICODE, _BYTES = "001F", "001E"
_BINARY = "0102"
_PROPERTY = "__substg1.0_"
_ATTACHMENT = "__attach_version1.0_"


def profile(source: Source) -> Profile:
    lines, subject, attached = _read(source)
    return Profile(
        kind="msg",
        title="e-mail of Outlook",
        bytes=source.size,
        load="import olefile; message = olefile.OleFileIO({name})",
        facts={"subject": plain(subject, 200), "attachments": len(attached)},
        structure=[f"attachment: {plain(name, 100)}" for name in attached],
        preview=passage("\n".join(lines)),
        notes=["The attachments are not read."] if attached else [],
    )


def sections(source: Source) -> list[Section]:
    """One."""
    lines, subject, _ = _read(source)
    writer = SectionWriter(MAX_TEXT)
    writer.add("\n".join(lines), heading=plain(subject, 200) or None)
    return writer.sections


def _read(source: Source) -> tuple[list[str], str, list[str]]:
    """The lines of the text, the subject, and the names of the attachments."""
    with olefile.OleFileIO(source.path) as message:
        fields = {name: _first(message, "", numbers) for name, numbers in _HEADERS.items()}
        body = _first(message, "", (_BODY,))
        if not body and (markup := _property(message, f"{_PROPERTY}{_HTML}{_BINARY}")):
            body = "\n".join(text for _, text in passages_of(markup.decode("utf-8", errors="replace")))
        folders = dict.fromkeys(path[0] for path in message.listdir() if path[0].startswith(_ATTACHMENT))
        attached = [_first(message, f"{folder}/", _FILE_NAMES) for folder in list(folders)[:MAX_ATTACHMENTS]]
    attached = [plain(name, 200) for name in attached if name]
    lines = [f"{name}: {value}" for name, value in fields.items() if value]
    lines += [body.strip(), *([f"Attachments: {', '.join(attached)}"] if attached else [])]
    return lines, fields["Subject"], attached


def _first(message: olefile.OleFileIO, folder: str, numbers: tuple[str, ...]) -> str:
    for number in numbers:
        name = f"{folder}{_PROPERTY}{number}"
        text = _property(message, name + _UNICODE).decode("utf-16-le", errors="replace")
        text = text or _property(message, name + _BYTES).decode("cp1252", errors="replace")
        if text.strip("\0 \r\n"):
            return text.strip("\0")
    return ""


def _property(message: olefile.OleFileIO, name: str) -> bytes:
    if not message.exists(name):
        return b""
    data: bytes = message.openstream(name).read(MAX_PROPERTY)
    return data
