"""A client of one ZeroMQ socket: ZMTP 3.0 with the NULL mechanism (https://rfc.zeromq.org/spec/23/).

Not libzmq: it buffers an unfinished multipart message without any limit, and its sockets can block a sender for ever
once the peer has broken the protocol. Here, nothing is read ahead, and every size and wait has a limit.
"""

import select
import socket
import time
import uuid
from collections.abc import Iterator
from typing import Literal

_GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
_MORE, _LONG, _COMMAND = 1, 2, 4
_SUBSCRIPTION = b"\x01"
_MAX_FRAMES = 16
_CHUNK = 256 << 10
_KIND_OFFSET, _MECHANISM = 9, slice(12, 32)


class ProtocolError(Exception):
    """The peer sent something that no honest kernel sends, or too much of it."""


class ZmtpSocket:
    """One connection, for one thread. Not blocking, except `send`, which waits for a limited time."""

    def __init__(self, address: str, kind: Literal["DEALER", "SUB"], *, max_bytes: int, wait_seconds: float) -> None:
        """Connect to the Unix socket `address`. `max_bytes` limits a whole message. Raises OSError."""
        self._kind = kind
        self._max_bytes = max_bytes
        self._wait_seconds = wait_seconds
        self._buffer = bytearray()
        self._frames: list[bytes] = []
        self._size = 0
        self._greeted = False
        self.ready = False
        """Whether the handshake is done; libzmq takes a message before that for an error."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(wait_seconds)
            self._socket.connect(address)
            self._socket.setblocking(False)
            self._write(_GREETING + _frame(_ready_command(kind), _COMMAND))
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """For polling; readable when `receive` has something to do."""
        return self._socket.fileno()

    def send(self, frames: list[bytes]) -> None:
        """Send a message. Raises ProtocolError if the peer does not take it in time, OSError."""
        last = len(frames) - 1
        self._write(b"".join(_frame(frame, _MORE if at < last else 0) for at, frame in enumerate(frames)))

    def receive(self) -> Iterator[list[bytes]]:
        """The messages that are complete now. Raises ProtocolError, EOFError at the end of the connection, OSError."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        if not data:
            raise EOFError("the kernel closed the connection")
        self._buffer += data
        if not self._greeted and not self._take_greeting():
            return
        while (frame := self._take_frame()) is not None:
            flags, body = frame
            if flags & _COMMAND:
                self._take_command(body)
                continue
            if not self.ready:
                raise ProtocolError("a message before the handshake")
            self._frames.append(body)
            self._size += len(body)
            if len(self._frames) > _MAX_FRAMES or self._size > self._max_bytes:
                raise ProtocolError(f"a message of more than {self._max_bytes} bytes or {_MAX_FRAMES} parts")
            if not flags & _MORE:
                message, self._frames, self._size = self._frames, [], 0
                yield message

    def close(self) -> None:
        """Close the connection; what is not read yet is dropped."""
        self._socket.close()

    def _take_greeting(self) -> bool:
        if len(self._buffer) < len(_GREETING):
            return False
        greeting = bytes(self._buffer[: len(_GREETING)])
        if greeting[0] != 0xFF or greeting[_KIND_OFFSET] != 0x7F or greeting[_MECHANISM].rstrip(b"\0") != b"NULL":
            raise ProtocolError("an invalid greeting")
        del self._buffer[: len(_GREETING)]
        self._greeted = True
        return True

    def _take_frame(self) -> tuple[int, bytes] | None:
        head = 9 if self._buffer and self._buffer[0] & _LONG else 2
        if len(self._buffer) < head:
            return None
        flags, length = self._buffer[0], int.from_bytes(self._buffer[1:head], "big")
        if flags & ~(_MORE | _LONG | _COMMAND) or length > self._max_bytes:
            raise ProtocolError(f"a frame of {length} bytes")
        if len(self._buffer) < head + length:
            return None
        body = bytes(memoryview(self._buffer)[head : head + length])
        del self._buffer[: head + length]
        return flags, body

    def _take_command(self, body: bytes) -> None:
        if body.startswith(b"\x05READY") and not self.ready:
            self.ready = True
            if self._kind == "SUB":
                # To everything, and to a topic of its own: a publisher only hears of topics that are new to it.
                self._write(_frame(_SUBSCRIPTION) + _frame(_SUBSCRIPTION + uuid.uuid4().hex.encode()))
        elif not self.ready or body.startswith(b"\x05ERROR"):
            raise ProtocolError("an error during the handshake")

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        deadline = time.monotonic() + self._wait_seconds
        writable = select.poll()
        writable.register(self._socket, select.POLLOUT)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                if not writable.poll(max(0.0, deadline - time.monotonic()) * 1000):
                    raise ProtocolError("the kernel accepts no requests") from None


def _frame(body: bytes, flags: int = 0) -> bytes:
    if len(body) > 255:
        return bytes([flags | _LONG]) + len(body).to_bytes(8, "big") + body
    return bytes([flags, len(body)]) + body


def _ready_command(kind: str) -> bytes:
    value = kind.encode()
    return b"\x05READY\x0bSocket-Type" + len(value).to_bytes(4, "big") + value + b"\x08Identity" + bytes(4)
