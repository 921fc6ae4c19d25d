"""The server's side of saving and restoring: blocking, for use in a thread, with limits on everything."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

from . import frames
from .variables import Report
from .vault import Snapshot, Vault

_SMALL = 64 << 10
_CHUNK = 1 << 20


def receive_snapshot(stream: socket.socket, vault: Vault, size_limit: int) -> Report:
    """Receive a snapshot from a kernel and commit it.

    The stream's time-out limits every wait. Raises ValueError for violations of the protocol or of `size_limit`
    (bytes), EOFError if the kernel ends early, OSError; the previous snapshot is then kept.
    """
    try:
        return _receive_snapshot(stream, vault, size_limit)
    except (OSError, EOFError, ValueError):
        vault.drop_unfinished()
        raise


def _receive_snapshot(stream: socket.socket, vault: Vault, size_limit: int) -> Report:
    blobs: set[str] = set()
    total = 0
    report: Report | None = None
    while True:
        kind, length = frames.receive_header(stream)
        if length > frames.TEXT_LIMIT:
            raise ValueError("a frame is too long")
        data = frames.receive_exactly(stream, length)
        if kind == frames.HAS:
            digest, size = data[: frames.DIGEST_SIZE], int.from_bytes(data[frames.DIGEST_SIZE :], "big")
            total += size
            if total > size_limit or len(data) != frames.DIGEST_SIZE + 8:
                raise ValueError("more bytes than a session may save")
            if digest.hex() not in blobs:
                _take_blob(stream, vault, digest, size)
            else:
                frames.send(stream, frames.YES)
            blobs.add(digest.hex())
        elif kind == frames.REPORT:
            report = Report.from_json(data)
        elif kind == frames.MANIFEST and report is not None:
            vault.commit(Snapshot(data, report, frozenset(blobs)))
            return report
        else:
            raise ValueError(f"an unexpected frame {kind!r}")


def _take_blob(stream: socket.socket, vault: Vault, digest: bytes, size: int) -> None:
    if vault.has(digest):
        frames.send(stream, frames.YES)
        return
    frames.send(stream, frames.NO)
    kind, length = frames.receive_header(stream)
    if kind != frames.BLOB or length != size:
        raise ValueError("a blob was announced, but something else was sent")
    vault.put(digest, _chunks(stream, length))


def _chunks(stream: socket.socket, length: int) -> Iterator[bytes]:
    while length:
        chunk = stream.recv(min(_CHUNK, length))
        if not chunk:
            raise EOFError("the kernel ended during a blob")
        length -= len(chunk)
        yield chunk


def serve_restore(stream: socket.socket, vault: Vault, snapshot: Snapshot) -> Report:
    """Send a kernel its saved variables. Errors as for `receive_snapshot`."""
    frames.send(stream, frames.MANIFEST, snapshot.manifest)
    while True:
        kind, data = frames.receive(stream, frames.TEXT_LIMIT)
        if kind == frames.REPORT:
            return _with_earlier_losses(Report.from_json(data), snapshot.report)
        if kind != frames.GET or len(data) != frames.DIGEST_SIZE:
            raise ValueError(f"an unexpected frame {kind!r}")
        _give_blob(stream, vault, data)


def _give_blob(stream: socket.socket, vault: Vault, digest: bytes) -> None:
    fd = vault.open(digest)
    if fd is None:
        frames.send(stream, frames.NO)
        return
    try:
        size = os.fstat(fd).st_size
        if size > _SMALL:
            frames.send_file(stream, fd, size)
        else:
            frames.send(stream, frames.BLOB, os.pread(fd, size, 0))
    finally:
        os.close(fd)


def _with_earlier_losses(restored: Report, saved: Report) -> Report:
    names = {variable.name for variable in restored.variables}
    lost = tuple(replace(v, kept=False) for v in saved.variables if v.name not in names)
    return Report(restored.variables + lost)
