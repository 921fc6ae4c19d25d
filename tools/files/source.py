"""A file as passed to handlers, and the decoding of its bytes."""

import codecs
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from tools.files.profile import FileUnreadable

HEAD_BYTES = 64 * 1024
CHECKED_BYTES = 64 << 20
"""Bytes of a text that are used to detect its encoding."""
STRAY_ZEROS = 0.005
"""The share of stray zero bytes that is tolerated in a text."""
_CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LEGACY = ["cp949", "cp932", "gb18030", "big5", "cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256"]
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_HANGUL = re.compile("[\uac00-\ud7a3]")


@dataclass(frozen=True, slots=True)
class Source:
    """A regular file on disk and its first bytes."""

    path: Path
    size: int
    head: bytes
    """At most `HEAD_BYTES`."""

    @property
    def suffix(self) -> str:
        """The extension, in lower case with its dot; only a hint."""
        return self.path.suffix.lower()


def open_source(path: Path) -> Source:
    """Raises `FileUnreadable` if it is not a file that can be opened."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise FileUnreadable("It is not a regular file.")
        with path.open("rb") as file:
            return Source(path, status.st_size, file.read(HEAD_BYTES))
    except OSError as error:
        raise FileUnreadable("It cannot be opened.") from error


def encoding_of(source: Source) -> str | None:
    """The Python name of the text's encoding; None if it is not text."""
    head = source.head
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name if _reads_as_text(head, name) else None
    if head.count(0) > len(head) * STRAY_ZEROS:
        wide = _wide(head)
        return wide if wide is not None and _reads_as_text(head, wide) else None
    odd = _first_not_utf8(source)
    if odd is None:
        return "utf-8" if _reads_as_text(head, "utf-8") else None
    legacy = _legacy(source, odd)
    return legacy if legacy is not None and _reads_as_text(head, legacy) else None


def codec_of(source: Source, encoding: str) -> str:
    """The encoding for the middle of the file: without a byte order mark, in the byte order that it indicates."""
    if encoding in ("utf-16", "utf-32"):
        return f"{encoding}-{'be' if source.head[0] in (0xFE, 0x00) else 'le'}"
    return encoding.removesuffix("-sig")


def head_text(source: Source, encoding: str) -> str:
    """The first bytes as text, without a character that is cut off at the end."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    return decoder.decode(source.head).removeprefix("\ufeff")


def read_text(source: Source, encoding: str, limit: int) -> str:
    """The first `limit` characters."""
    with source.path.open(encoding=encoding, errors="replace", newline="") as file:
        return file.read(limit).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _wide(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: mostly Latin text has a zero in every second byte."""
    half = max(1, len(head) // 2)
    even, odd = head[0::2].count(0) / half, head[1::2].count(0) / half
    if odd > 0.3 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 and odd < 0.05 else None


def _first_not_utf8(source: Source) -> int | None:
    """Approximate position of the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with source.path.open("rb") as file:
        for at in range(0, CHECKED_BYTES, _CHUNK):
            chunk = file.read(_CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return at + error.start
            if not chunk:
                return None
    return None


def _legacy(source: Source, odd: int) -> str | None:
    with source.path.open("rb") as file:
        start = max(0, odd - 64)
        file.seek(start)
        near = file.read(HEAD_BYTES)
    # From the start of a line, because the middle of a character would be decoded as another one.
    sample = near[near.find(b"\n", 0, odd - start) + 1 :]
    sample = sample[: sample.rfind(b"\n") + 1] or sample
    if _is_korean(sample):
        return "cp949"
    found = from_bytes(sample, cp_isolation=_LEGACY, threshold=0.4).best()
    if found is not None:
        return found.encoding
    return "latin-1"


def _is_korean(sample: bytes) -> bool:
    """Whether the non-ASCII bytes are nearly all Hangul in cp949. Two bytes per syllable make this reliable."""
    try:
        text = sample.decode("cp949")
    except UnicodeDecodeError:
        return False
    foreign = [c for c in text if ord(c) > 127]
    return len(_HANGUL.findall(text)) > 0.9 * len(foreign) > 0


def _reads_as_text(head: bytes, encoding: str) -> bool:
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
    bad = len(_CONTROLS.findall(text)) + text.count("\ufffd")
    return bad <= len(text) * 0.02
