"""Parts of a large text: whole lines from anywhere in it."""

from dataclasses import dataclass
from functools import cached_property

from tools.files.source import Source

WHOLE_BYTES = 16 << 20
"""Files up to this size are read completely."""
FIRST_BYTES = 4 << 20
LAST_BYTES = 64 << 10
COUNT, BLOCK_BYTES = 12, 512 << 10
"""Of a larger file, the beginning is read, and this many blocks spread over the rest."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Blocks:
    """A file's text, in parts if it is large."""

    source: Source
    codec: str
    """Without a byte order mark, in the byte order that it indicates."""

    @property
    def whole(self) -> bool:
        """Whether the file is read completely."""
        return self.source.size <= WHOLE_BYTES

    @property
    def has_byte_lines(self) -> bool:
        """Whether each line break is the single byte 10."""
        return not self.codec.startswith(("utf-16", "utf-32"))

    def first(self) -> str:
        """The whole text, or its first lines."""
        return self._text(self._cut(0, WHOLE_BYTES if self.whole else FIRST_BYTES)).removeprefix("\ufeff")

    def others(self) -> list[str]:
        """Lines from places spread over the rest; none if the text is whole."""
        if self.whole:
            return []
        step = (self.source.size - FIRST_BYTES - BLOCK_BYTES) // (COUNT - 1)
        blocks = [self._cut(FIRST_BYTES + step * at, BLOCK_BYTES) for at in range(COUNT)]
        return [self._text(block) for block in blocks if block]

    def last(self) -> str:
        """The last lines."""
        return self._text(self._cut(max(0, self.source.size - LAST_BYTES), LAST_BYTES))

    @cached_property
    def line_count(self) -> int:
        """The number of lines, if a line break is the single byte 10."""
        count, last = 0, b"\n"
        with self.source.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                count += chunk.count(b"\n")
                last = chunk[-1:]
        return count + (last != b"\n")

    def _text(self, data: bytes) -> str:
        return data.decode(self.codec, errors="replace")

    def _cut(self, start: int, length: int) -> bytes:
        """Whole lines from about `start` on; empty if there is no line break where one should be."""
        mark = "\n".encode(self.codec)
        width = len(mark)
        with self.source.path.open("rb") as file:
            file.seek(start - start % width)
            data = file.read(length - length % width if start else length)
        begin = 0 if start == 0 else _find(data, mark, width)
        at_end = start + length >= self.source.size
        end = len(data) - width if at_end else _find_last(data, mark, width)
        if begin < 0 or end < begin:
            return b""
        return data[begin + (width if start else 0) : end + width]


def _find(data: bytes, mark: bytes, width: int) -> int:
    at = data.find(mark)
    while at >= 0 and at % width:
        at = data.find(mark, at + 1)
    return at


def _find_last(data: bytes, mark: bytes, width: int) -> int:
    at = data.rfind(mark)
    while at >= 0 and at % width:
        at = data.rfind(mark, 0, at + width - 1)
    return at
