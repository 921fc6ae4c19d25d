"""Connections before a request: limited in time, in size, and in number, in all and per address."""

import asyncio
import logging
import resource
from collections import defaultdict
from typing import Any

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger(__name__)

HEADER_SECONDS = 15.0
"""Between the first byte of a request (or the connection) and the end of its headers."""
MAX_HEADER_BYTES = 64 << 10
"""Of the request line and all headers."""
MAX_HEADER_LINES = 256
MAX_PIPELINED = 64
"""Requests of one connection that wait for the response to the one before them."""
WAITING_PER_ADDRESS = 128
"""Connections of one address on which no request has arrived, or none is running. Others are not limited."""
MAX_OVERHEAD, OVERHEAD_RATIO = 64 << 10, 3
"""Bytes of chunk headers and trailers beyond this many per byte of the body. Nothing else limits them."""
READ_BYTES = 16 << 10
"""Read from a connection at once. Everything in it is parsed before anybody else has a turn, such as 2,700 pings of a
WebSocket.
"""
RESERVED_FILES = 256
"""Descriptors kept for databases, kernels and files."""
MAX_CONNECTIONS = 8192


def max_connections() -> int:
    """How many connections the process can serve within its limit of open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else max(16, min(soft - RESERVED_FILES, MAX_CONNECTIONS))


class ConnectionGuard:
    """Knows the open connections. Closes those that wait longest when there are too many."""

    def __init__(
        self, limit: int, *, waiting_per_address: int = WAITING_PER_ADDRESS, header_seconds: float = HEADER_SECONDS
    ) -> None:
        self.header_seconds = header_seconds
        self._limit = limit
        self._waiting_per_address = waiting_per_address
        self._transports: set[asyncio.Transport] = set()
        self._waiting: dict[GuardedProtocol, None] = {}
        """In the order in which they began to wait."""
        self._of_address: defaultdict[str, dict[GuardedProtocol, None]] = defaultdict(dict)
        self.refused = 0
        """Connections that were closed because there were too many."""

    def admit(self, protocol: "GuardedProtocol") -> bool:
        """Whether a new connection may stay."""
        if len(self._transports) >= self._limit:
            # After an upgrade, another protocol owns the transport and does not report its end.
            self._transports = {transport for transport in self._transports if not transport.is_closing()}
        if len(self._transports) >= self._limit and not self._close_oldest(self._waiting):
            self._count("all")
            return False
        self._transports.add(protocol.transport)
        self.wait(protocol)
        return True

    def wait(self, protocol: "GuardedProtocol") -> None:
        """The connection waits for a request."""
        peers = self._of_address[protocol.address]
        if len(peers) >= self._waiting_per_address:
            self._close_oldest(peers)
            self._count(protocol.address)
        self._waiting[protocol] = peers[protocol] = None

    def serve(self, protocol: "GuardedProtocol") -> None:
        """A request has arrived on the connection."""
        self._waiting.pop(protocol, None)
        peers = self._of_address.get(protocol.address, {})
        peers.pop(protocol, None)
        if not peers:
            self._of_address.pop(protocol.address, None)

    def leave(self, protocol: "GuardedProtocol") -> None:
        """The connection has ended."""
        self.serve(protocol)
        self._transports.discard(protocol.transport)

    def _close_oldest(self, waiting: "dict[GuardedProtocol, None]") -> bool:
        oldest = next(iter(waiting), None)
        if oldest is None:
            return False
        self.leave(oldest)
        oldest.transport.abort()
        return True

    def _count(self, whose: str) -> None:
        self.refused += 1
        if self.refused & (self.refused - 1) == 0:  # a flood must not fill the log
            log.warning("too many connections of %s; %d closed so far", whose, self.refused)


class ExcessError(Exception):
    """A connection has sent more than it may; raised inside the parser, which then stops."""


class GuardedConfig(uvicorn.Config):
    """uvicorn's settings with a connection guard."""

    def __init__(self, app: Any, guard: ConnectionGuard, **settings: Any) -> None:
        super().__init__(app, http=GuardedProtocol, **settings)
        self.guard = guard


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with limits on headers. All its methods are callbacks of the event loop or the parser."""

    config: GuardedConfig
    _timer: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _header_lines = 0
    _reads_body = False
    _overhead = 0
    address = ""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.max_size = READ_BYTES  # type: ignore[attr-defined] # of asyncio's transports, 256 kB otherwise
        self.address = self.client[0] if self.client else ""
        if not self.config.guard.admit(self):
            self._refuse(b"503 Service Unavailable", b"Too many connections.")
            return
        self._start_timer()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self.config.guard.leave(self)
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self.parser is None or self.transport.is_closing():
            return
        if not self._reads_body:
            self._start_timer()
            self._header_bytes += len(data)
        else:
            self._overhead += len(data)
        super().data_received(data)
        if self._header_bytes > MAX_HEADER_BYTES and self._timer is not None:
            self._refuse(b"431 Request Header Fields Too Large", b"The headers are too large.")
        elif self._overhead > MAX_OVERHEAD and not self.transport.is_closing():
            self._refuse(b"400 Bad Request", b"The chunks of the body are too small, or their extensions too large.")

    @override
    def on_body(self, body: bytes) -> None:
        self._overhead -= (1 + OVERHEAD_RATIO) * len(body)
        super().on_body(body)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_lines = 0
        if len(self.pipeline) >= MAX_PIPELINED:
            self.transport.abort()
            raise ExcessError

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_lines += 1
        if self._header_lines > MAX_HEADER_LINES:
            if self._header_lines == MAX_HEADER_LINES + 1:
                self._refuse(b"431 Request Header Fields Too Large", b"There are too many headers.")
            raise ExcessError
        super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._header_bytes = 0
        self._reads_body, self._overhead = True, 0
        self.config.guard.serve(self)
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        self._reads_body = False
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline and not self.transport.is_closing():
            self.config.guard.wait(self)

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.config.guard.header_seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._refuse(b"408 Request Timeout", b"The headers did not arrive in time.")

    def _refuse(self, status: bytes, words: bytes) -> None:
        self._stop_timer()
        head = b"HTTP/1.1 %b\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % (status, len(words)) + words)
        self.transport.close()
