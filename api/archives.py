"""Many files as one ZIP archive, written while it is sent."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from workspace.opening import open_inside

CHUNK = 1 << 18
_EARLIEST = (1980, 1, 1, 0, 0, 0)


class _Sink:
    """A file to write to that hands on what was written; archives need no more."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


def zipped(folder: Path, names: Sequence[str]) -> Iterator[bytes]:
    """The archive in pieces: blocking, for a thread. A file that is gone by its turn is left out."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in names:
            try:
                file = open_inside(folder, name)
            except FileNotFoundError:
                continue
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with file, archive.open(entry, "w", force_zip64=True) as member:
                while data := file.read(CHUNK):
                    member.write(data)
                    yield sink.take()
    yield sink.take()
