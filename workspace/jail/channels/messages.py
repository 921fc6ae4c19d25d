"""Jupyter's messages, as far as cells need them: requests are written here, replies and output are read.

The protocol: https://jupyter-client.readthedocs.io/en/stable/messaging.html. A kernel runs hostile code that knows the
key, so a message is decoded into the types below and nothing else: other fields are skipped, not built.
"""

import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import msgspec

from ..wire import ARTIFACT

_DELIMITER = b"<IDS|MSG>"
_MAX_TOPICS = 2
"""Frames before the delimiter: the topic, or nothing."""
_MAX_HEADER = 64 << 10
"""Bytes of a header."""


class Stream(msgspec.Struct, frozen=True):
    """Printed text."""

    name: Literal["stdout", "stderr"]
    text: str


class Late(msgspec.Struct, frozen=True):
    """Text printed by a thread of an earlier request."""

    text: str


class Display(msgspec.Struct, frozen=True):
    """Something shown, in one or more formats."""

    text: str = ""
    html: str | None = None
    png: str | None = None
    """In base64."""
    artifact: str | None = None
    """The path of a figure that the kernel has saved."""


class Value(Display, frozen=True):
    """The value of the cell's last line."""


class Failure(msgspec.Struct, frozen=True):
    """An exception that the cell did not catch."""

    ename: str = "Error"
    evalue: str = ""
    traceback: tuple[str, ...] = ()


class Status(msgspec.Struct, frozen=True):
    """What the kernel is doing: `busy` and `idle` enclose the output of a request."""

    execution_state: str


class Welcome(msgspec.Struct, frozen=True):
    """The subscription to the output works."""


class Reply(msgspec.Struct, frozen=True):
    """The end of a request."""

    status: str = "error"


T = TypeVar("T")
Content = Stream | Late | Display | Value | Failure | Status | Welcome | Reply


class InvalidMessageError(Exception):
    """Not a message of this protocol, or not signed with the kernel's key."""


class _Header(msgspec.Struct, frozen=True):
    msg_type: str = ""
    msg_id: str = ""


class _Artifact(msgspec.Struct, frozen=True):
    path: str


class _Data(msgspec.Struct, frozen=True):
    text: msgspec.Raw = msgspec.field(default=msgspec.Raw(b'""'), name="text/plain")
    html: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="text/html")
    png: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="image/png")
    artifact: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name=ARTIFACT)


class _Bundle(msgspec.Struct, frozen=True):
    data: _Data


_DISPLAYS: Mapping[str, type[Display]] = {"execute_result": Value, "display_data": Display}


def request(kind: str, content: Mapping[str, Any], key: bytes) -> tuple[str, list[bytes]]:
    """The ID of a new request, and its frames."""
    identity = uuid.uuid4().hex
    header = {
        "msg_id": identity,
        "msg_type": kind,
        "username": "",
        "session": identity,
        "date": datetime.now(UTC).isoformat(),
        "version": "5.3",
    }
    parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
    return identity, [_DELIMITER, _signature(parts, key), *parts]


def read(frames: Sequence[bytes], key: bytes) -> tuple[str, Content] | None:
    """The ID of the request that a message belongs to, and its content; None for kinds that no cell needs.

    Raises `InvalidMessageError`.
    """
    at = next((at for at, frame in enumerate(frames[: _MAX_TOPICS + 1]) if frame == _DELIMITER), None)
    if at is None or len(frames) < at + 6:
        raise InvalidMessageError("a message without its frames")
    signature, *parts = frames[at + 1 : at + 6]
    header, parent, _metadata, content = parts
    if len(header) > _MAX_HEADER or len(parent) > _MAX_HEADER:
        raise InvalidMessageError("a header that is too long")
    if not hmac.compare_digest(signature, _signature(parts, key)):
        raise InvalidMessageError("an invalid signature")
    try:
        kind = msgspec.json.decode(header, type=_Header).msg_type
        read_content = _content(kind, content)
        return None if read_content is None else (msgspec.json.decode(parent, type=_Header).msg_id, read_content)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidMessageError(f"a malformed message: {error}") from error


def _content(kind: str, content: bytes) -> Content | None:
    if kind == "stream":
        return msgspec.json.decode(content, type=Stream)
    if kind in _DISPLAYS:
        data = msgspec.json.decode(content, type=_Bundle).data
        artifact = _decoded(data.artifact, _Artifact)
        return _DISPLAYS[kind](
            text=_decoded(data.text, str) or "",
            html=_decoded(data.html, str),
            png=_decoded(data.png, str),
            artifact=artifact.path if artifact else None,
        )
    if kind == "error":
        return msgspec.json.decode(content, type=Failure)
    if kind == "status":
        return msgspec.json.decode(content, type=Status)
    if kind == "iopub_welcome":
        return Welcome()
    return msgspec.json.decode(content, type=Reply) if kind.endswith("_reply") else None


def _decoded(raw: msgspec.Raw, form: type[T]) -> T | None:
    """None for a value of another type: a program may display anything."""
    try:
        return msgspec.json.decode(raw, type=form)
    except msgspec.ValidationError:
        return None


def _signature(parts: Sequence[bytes], key: bytes) -> bytes:
    return hmac.digest(key, b"".join(parts), "sha256").hex().encode()
