"""E-mails (.eml, and web pages saved as .mht): headers, text, names of attachments."""

from collections.abc import Iterator
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser

from tools.files.formats.html import passages_of
from tools.files.profile import DAMAGE, Profile, passage, plain
from tools.files.sections import Section, SectionWriter
from tools.files.source import Source

ERRORS = (MessageError,)
MAX_BYTES = 64 << 20
MAX_DEPTH = 5
MAX_TEXT = 5_000_000
MAX_HEADER = 2000
HEADERS = ("From", "To", "Cc", "Date", "Subject")


def profile(source: Source) -> Profile:
    message = _parsed(source)
    attached = list(_attachments(message))
    text = "\n".join(_texts(message))
    facts = {name.lower(): plain(_header(message, name), 200) for name in HEADERS if _header(message, name)}
    return Profile(
        kind="eml",
        title="e-mail",
        bytes=source.size,
        load=(
            "import email, email.policy; from pathlib import Path; "
            "message = email.message_from_bytes(Path({name}).read_bytes(), policy=email.policy.default)"
        ),
        facts={**facts, "attachments": len(attached)},
        structure=[f"attachment: {plain(name, 100)}" for name in attached[:40]],
        preview=passage(text),
        notes=["The attachments are not read."] if attached else [],
    )


def sections(source: Source) -> list[Section]:
    """One per message: a forwarded one is a section of its own."""
    writer = SectionWriter(MAX_TEXT)
    _write(_parsed(source), writer, 0)
    return writer.sections


def _write(message: EmailMessage, writer: SectionWriter, depth: int) -> None:
    writer.add("\n".join(_texts(message)), heading=plain(_header(message, "Subject"), 200) or None)
    if depth < MAX_DEPTH:
        for inner in _forwarded(message):
            _write(inner, writer, depth + 1)


def _parsed(source: Source) -> EmailMessage:
    with source.path.open("rb") as file:
        parsed = BytesParser(policy=policy.default).parsebytes(file.read(MAX_BYTES))
    assert isinstance(parsed, EmailMessage)
    return parsed


def _texts(message: EmailMessage) -> Iterator[str]:
    """The headers, the body, and the names of the attachments."""
    yield from (f"{name}: {value}" for name in HEADERS if (value := _header(message, name)))
    yield _body(message)
    if attached := list(_attachments(message)):
        yield f"Attachments: {', '.join(attached)}"


def _body(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    if body is None or body.is_multipart():
        return ""
    try:
        content = body.get_content()
    except (*DAMAGE, LookupError):  # an encoding that does not exist
        data = body.get_payload(decode=True)
        content = data.decode("latin-1") if isinstance(data, bytes) else ""
    text = content if isinstance(content, str) else ""
    if body.get_content_type() == "text/html":
        text = "\n".join(part for _, part in passages_of(text))
    return text.strip()


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """Attached parts, not those of attached messages."""
    if message.is_multipart():
        yield from (part for part in message.iter_attachments() if isinstance(part, EmailMessage))


def _attachments(message: EmailMessage) -> Iterator[str]:
    for part in _parts(message):
        name = part.get_filename()
        if name and part.get_content_type() != "message/rfc822":
            yield plain(name, 200)


def _forwarded(message: EmailMessage) -> Iterator[EmailMessage]:
    for part in _parts(message):
        payload = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(payload, list) and payload:
            inner = payload[0]
            if isinstance(inner, EmailMessage):
                yield inner


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message[name] or "").split())[:MAX_HEADER]
    except (*DAMAGE, MessageError):
        return ""
