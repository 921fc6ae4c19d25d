"""The protocol for saving and restoring a kernel's variables: frames on a stream socket, one socket per operation.

A frame is one letter, a length, and as many bytes. The server never interprets what it stores.

Saving, kernel to server: `HAS` (digest and size; the answer is `YES` or `NO`), `BLOB` after a `NO`, then `REPORT`
(JSON, see `variables.py`) and `MANIFEST` (the kernel's own), which completes the save. Restoring: the server sends
`MANIFEST`; the kernel sends `GET` (digest) and receives `BLOB`, or `FILE` with a descriptor to map; at the end it sends
`REPORT`. Listing variables: the kernel sends `REPORT`.
"""

import hashlib
import socket
import struct

HAS = b"h"
YES = b"y"
NO = b"n"
BLOB = b"b"
GET = b"g"
FILE = b"f"
MANIFEST = b"m"
REPORT = b"r"

DIGEST_SIZE = 32
TEXT_LIMIT = 8 << 20
"""Maximum size of a report or manifest, in bytes."""

_HEADER = struct.Struct("!cQ")
_CHUNK = 1 << 20


def digest(data: memoryview | bytes) -> bytes:
    """The name of a blob."""
    return hashlib.blake2b(data, digest_size=DIGEST_SIZE).digest()


def send(stream: socket.socket, kind: bytes, data: memoryview | bytes = b"") -> None:
    """Send one frame. Raises OSError if the other side is gone or too slow for the socket's time-out."""
    view = memoryview(data).cast("B")
    stream.sendall(_HEADER.pack(kind, len(view)))
    if view:  # the reader of an empty frame may already be gone
        stream.sendall(view)


def receive_header(stream: socket.socket) -> tuple[bytes, int]:
    """Kind and length of the next frame. Raises EOFError at the end of the stream."""
    kind, length = _HEADER.unpack(receive_exactly(stream, _HEADER.size))
    return kind, length


def send_file(stream: socket.socket, descriptor: int, size: int) -> None:
    """Send the header of a `FILE` frame with the descriptor of a file of `size` bytes; nothing follows it."""
    socket.send_fds(stream, [_HEADER.pack(FILE, size)], [descriptor])


def receive_header_with_fd(stream: socket.socket) -> tuple[bytes, int, int | None]:
    """Like `receive_header`, with the descriptor that a `FILE` frame carries."""
    first, fds, _, _ = socket.recv_fds(stream, 1, 1)
    rest = receive_exactly(stream, _HEADER.size - 1)
    kind, length = _HEADER.unpack(first + rest)
    return kind, length, fds[0] if fds else None


def receive(stream: socket.socket, limit: int) -> tuple[bytes, bytes]:
    """The next frame. Raises ValueError if it is longer than `limit`, EOFError at the end of the stream."""
    kind, length = receive_header(stream)
    if length > limit:
        raise ValueError(f"a frame of {length} bytes where at most {limit} are allowed")
    return kind, receive_exactly(stream, length)


def receive_exactly(stream: socket.socket, length: int) -> bytes:
    """The next `length` bytes."""
    parts = bytearray()
    while len(parts) < length:
        part = stream.recv(min(_CHUNK, length - len(parts)))
        if not part:
            raise EOFError("the connection was closed during a frame")
        parts += part
    return bytes(parts)
