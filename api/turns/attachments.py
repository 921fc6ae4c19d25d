"""Stores images and files inside messages (`image_url` and `file` parts) as session files."""

import asyncio
import binascii
import mimetypes
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from api.errors import ApiError, bad_request
from api.files.form_receiver import Received
from api.turns.transcript import first_new
from api.wire.messages import ChatMessage, FilePart, ImagePart
from tools.web.errors import FetchError
from tools.web.fetch import Fetcher
from workspace.errors import FileTooLargeError
from workspace.names import safe_name
from workspace.session import SessionWorkspace
from workspace.settings import MIB

MAX_ATTACHED = 50
MAX_FETCHED = 10
MAX_FETCHED_BYTES = 20 * MIB
PIECE = 1 << 20
"""Characters of base64 that are decoded at once: a multiple of 4."""
HEAD = 16
"""Bytes needed to detect an image's type."""
SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"\xff\xd8\xff"), "jpg"),
    (re.compile(rb"GIF8[79]a"), "gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp"),
    (re.compile(rb"BM"), "bmp"),
    (re.compile(rb"II\*\0|MM\0\*"), "tiff"),
)
KINDS = ("image/", "application/octet-stream", "binary/octet-stream")
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(;[\w.-]+=[^;,]*)*;base64", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Attached:
    """One part, and the name of its field for errors."""

    field: str
    part: ImagePart | FilePart

    def refused(self, reason: str) -> ApiError:
        return bad_request(f"{self.field}: {reason}", self.field, "invalid_attachment")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the session's folder, and the name that the client wanted for it."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Attachments:
    """Stores the attachments of a request. Images on the public web are fetched if `fetches` is set, within `seconds`
    in total.
    """

    fetcher: Fetcher
    fetches: bool
    seconds: float

    async def take(
        self, uploads: Sequence[Received], messages: Sequence[ChatMessage], workspace: SessionWorkspace
    ) -> list[str]:
        """Store the uploads and the attachments of the messages after the last assistant message: all or none. Those
        that earlier messages had under the same name are not stored again.

        Returns the file names. Raises 400, or 413 for files that are too large, naming the field.
        """
        before = {info.name for info in await workspace.files()}
        stored: list[StoredFile] = []
        complete = False
        try:
            for upload in uploads:
                info = await workspace.take_file(upload.label, upload.path)
                stored.append(StoredFile(info.name, upload.label))
            await self._take_attached(_attached(messages), workspace, stored)
            complete = True
        finally:
            if not complete:
                await workspace.remove_files([file.name for file in stored])
        return [
            await workspace.without_copy(file.name, file.label) if safe_name(file.label) in before else file.name
            for file in stored
        ]

    async def _take_attached(
        self, attached: list[Attached], workspace: SessionWorkspace, stored: list[StoredFile]
    ) -> None:
        """Appends each file to `stored` as soon as it is there."""
        if len(attached) > MAX_ATTACHED or sum(map(_is_remote, attached)) > MAX_FETCHED:
            raise bad_request(
                f"messages: at most {MAX_ATTACHED} images and files are allowed, {MAX_FETCHED} of them from the web",
                "messages",
            )
        deadline = asyncio.get_running_loop().time() + self.seconds
        for one in attached:
            if _is_remote(one):
                stored.append(await self._fetch(one, workspace, deadline))
            else:
                stored.append(await _decode(one, workspace))

    async def _fetch(self, one: Attached, workspace: SessionWorkspace, deadline: float) -> StoredFile:
        """Fetch an image from the public web, under the same rules as pages."""
        assert isinstance(one.part, ImagePart), "only images have URLs"
        if not self.fetches:
            raise one.refused("this service does not fetch images; send it as data:image/…;base64,…")
        try:
            async with (
                asyncio.timeout_at(deadline),
                self.fetcher.open(one.part.image_url.url, KINDS, MAX_FETCHED_BYTES) as response,
            ):
                return await _store_image(one, response.chunks, workspace)
        except TimeoutError as error:
            raise one.refused("fetching the image took too long") from error
        except FetchError as error:
            raise one.refused(str(error)) from error


def _attached(messages: Sequence[ChatMessage]) -> list[Attached]:
    start = first_new(messages)
    return [
        Attached(f"messages.{at}.content.{place}.{part.type}", part)
        for at, message in enumerate(messages[start:], start)
        for place, part in message.attached
    ]


def _is_remote(one: Attached) -> bool:
    return isinstance(one.part, ImagePart) and one.part.image_url.url[:5].lower() != "data:"


async def _decode(one: Attached, workspace: SessionWorkspace) -> StoredFile:
    if isinstance(one.part, ImagePart):
        _, encoded = _data_url(one, one.part.image_url.url)
        return await _store_image(one, _decoded(one, encoded), workspace)
    mime, encoded = _data_url(one, one.part.file.file_data, bare=True)
    label = one.part.file.filename or "file" + (mimetypes.guess_extension(mime) or "")
    return await _store(one, label, _decoded(one, encoded), workspace)


async def _store_image(one: Attached, chunks: AsyncIterator[bytes], workspace: SessionWorkspace) -> StoredFile:
    """The service chooses the name from the detected type, regardless of the client's name."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    kind = next((kind for signature, kind in SIGNATURES if signature.match(head)), None)
    if kind is None:
        raise one.refused("this is not a PNG, JPEG, GIF, WebP, BMP or TIFF image")

    async def whole() -> AsyncIterator[bytes]:
        yield head
        async for chunk in chunks:
            yield chunk

    return await _store(one, f"image.{kind}", whole(), workspace)


async def _store(one: Attached, label: str, chunks: AsyncIterator[bytes], workspace: SessionWorkspace) -> StoredFile:
    try:
        info = await workspace.add_file(label, chunks)
    except FileTooLargeError as error:
        raise ApiError(413, f"{one.field}: {error}", param=one.field, code="file_too_large") from error
    return StoredFile(info.name, label)


def _data_url(one: Attached, url: str, *, bare: bool = False) -> tuple[str, str]:
    """`(media type, base64)`. With `bare`, base64 without a `data:` prefix is also accepted."""
    header, comma, encoded = url.partition(",")
    if bare and not comma and url[:5].lower() != "data:":
        return "application/octet-stream", url
    found = _DATA_URL.fullmatch(header) if comma and len(header) < 1000 else None
    if found is None:
        raise one.refused("this is not data:…;base64,…" + ("" if bare else "or a web URL"))
    return (found[1] or "application/octet-stream").lower(), encoded


async def _decoded(one: Attached, encoded: str) -> AsyncIterator[bytes]:
    """The bytes, in pieces. Raises 400 if the base64 is invalid or empty."""
    if not encoded:
        raise one.refused("the data is empty")
    for start in range(0, len(encoded), PIECE):
        piece = encoded[start : start + PIECE]
        if "=" in piece and start + PIECE < len(encoded):
            raise one.refused("this is not valid base64")
        try:
            data = binascii.a2b_base64(piece, strict_mode=True)
        except ValueError as error:
            raise one.refused("this is not valid base64") from error
        yield data
