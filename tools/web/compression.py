"""Incremental decompression with a limit, which stops decompression bombs early."""

import zlib
from collections.abc import Iterator

from tools.web.errors import FetchError

ACCEPTED = "gzip, deflate"
PIECE = 64 << 10


class Decoder:
    """Call it with a body's chunks in order; returns at most `limit` bytes in total. Raises `FetchError`."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._left = limit
        self._limit = limit
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise FetchError(f"The page uses a compression that was not requested ({encoding[:40]}).")
        self._zlib = None if encoding in ("", "identity") else zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._may_be_raw = encoding == "deflate"

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._zlib is None:
            yield self._counted(data)
            return
        piece = b""
        while (data or len(piece) == PIECE) and not self._zlib.eof:
            piece = self._inflate(data)
            data = self._zlib.unconsumed_tail
            yield self._counted(piece)

    def end(self) -> None:
        """Raises `FetchError` if the body is truncated."""
        if self._zlib is not None and not self._zlib.eof:
            raise FetchError("The page is truncated.")

    def _inflate(self, data: bytes) -> bytes:
        assert self._zlib is not None
        try:
            return self._zlib.decompress(data, PIECE)
        except zlib.error as error:
            if not self._may_be_raw:
                raise FetchError("The page's compressed data is damaged.") from error
            # Some servers send `deflate` without its header.
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
            self._may_be_raw = False
            return self._inflate(data)
        finally:
            self._may_be_raw = False

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise too_large(self._limit)
        return data


def too_large(limit: int) -> FetchError:
    return FetchError(f"The page exceeds the limit of {limit >> 20} MB.")
