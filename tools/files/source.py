"""A file as passed to handlers, and the decoding of its bytes."""

import codecs
import re
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tools.files.encoding import alternatives, guess
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
_CONTROLS = re.compile(r"[\x00\x02-\x08\x0e-\x1a\x7f]")
"""Without escapes, and without those that separate fields and records."""
_ESCAPES = (b"\x1b$B", b"\x1b$@", b"\x1b(J")
"""Of Japanese in seven bits."""


@dataclass(frozen=True)
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

    @cached_property
    def not_utf8(self) -> int | None:
        """Approximate position of the first byte that is not UTF-8; found once, because it takes reading the file."""
        return _first_not(self, "utf-8")

    @cached_property
    def encoding(self) -> str | None:
        """The Python name of the text's encoding; None if it is not text."""
        return _encoding_of(self)


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a program decodes a text."""

    encoding: str
    damaged: bool = False
    """Whether some bytes are no characters of the encoding; they are replaced."""

    @property
    def options(self) -> dict[str, str]:
        """Of pandas' readers; none for UTF-8."""
        found = {} if self.encoding in ("utf-8", "utf-8-sig") else {"encoding": self.encoding}
        return found | ({"encoding_errors": "replace"} if self.damaged else {})

    @property
    def arguments(self) -> str:
        """Of `open` and `read_text`, as Python; empty for UTF-8."""
        found = [] if self.encoding == "utf-8" else [f'encoding="{self.encoding}"']
        return ", ".join(found + (['errors="replace"'] if self.damaged else []))


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
    return source.encoding


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


def _encoding_of(source: Source) -> str | None:
    head = source.head
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name if _reads_as_text(head, name) else None
    if head.count(0) > len(head) * STRAY_ZEROS:
        wide = _wide(head)
        return wide if wide is not None and _reads_as_text(head, wide) else None
    odd = source.not_utf8
    if odd is None and any(escape in head for escape in _ESCAPES) and _reads_as_text(head, "iso2022_jp"):
        return "iso2022_jp"
    if odd is None:
        return "utf-8" if _reads_as_text(head, "utf-8") else None
    legacy = _legacy(source, odd)
    return legacy if _reads_as_text(head, legacy) else None


def _wide(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: the zeros of separators and line ends are all in one half of the bytes."""
    half = max(1, len(head) // 2)
    even, odd = head[0::2].count(0) / half, head[1::2].count(0) / half
    if odd > 0.02 and even < odd / 10:
        return "utf-16-le"
    return "utf-16-be" if even > 0.02 and odd < even / 10 else None


def _first_not(source: Source, encoding: str) -> int | None:
    """Approximate position of the first byte that is not a character of the encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
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


def _legacy(source: Source, odd: int) -> str:
    with source.path.open("rb") as file:
        file.seek(max(0, odd - _CHUNK))
        around = file.read(2 * _CHUNK)
    text = around.decode("utf-8", errors="replace")
    if 5 * text.count("\ufffd") < sum(character > "\x7f" for character in text):  # UTF-8, a few characters damaged
        return "utf-8"
    return guess(_near(source, odd))


def _near(source: Source, odd: int) -> bytes:
    """Whole lines from the first byte on that is not UTF-8, because part of a character would be another one."""
    with source.path.open("rb") as file:
        start = max(0, odd - 64)
        file.seek(start)
        near = file.read(_CHUNK)
    sample = near[near.find(b"\n", 0, odd - start) + 1 :]
    return sample[: sample.rfind(b"\n") + 1] or sample


def decoding_of(source: Source, encoding: str) -> Decoding:
    """How a program decodes the text."""
    odd = source.not_utf8 if encoding == "utf-8" else _first_not(source, encoding)
    return Decoding(encoding, damaged=odd is not None)


def encoding_doubt(source: Source, encoding: str) -> str | None:
    """A note that the encoding is a guess, with the words that tell; None if it is certain."""
    if encoding.startswith("utf-") or (odd := source.not_utf8) is None:
        return None
    (own, word), *others = alternatives(_near(source, odd), encoding) or [(encoding, "")]
    if not others:
        return None
    said = "; ".join(f"{name} would read {text}" for name, text in others)
    return f"The encoding is a guess: {own} reads {word}; {said}."


def _reads_as_text(head: bytes, encoding: str) -> bool:
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
    bad = len(_CONTROLS.findall(text)) + text.count("\ufffd")
    if "\n" not in text:
        bad += text.count("\x01")
    return bad <= len(text) * 0.02
