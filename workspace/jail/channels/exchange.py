"""One exchange with a kernel: a request, its output, its reply.

It blocks, and runs in a thread of its own: whatever the kernel sends, only this thread waits or works for it. The
connection lasts as long as the exchange, so that nothing is received from a kernel that has no request.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from . import messages
from .endpoints import Endpoints
from .messages import Content, InvalidMessageError, Late, Reply, Status, Stream, Welcome
from .zmtp import ProtocolError, ZmtpSocket

OUTPUT_GRACE = 5.0
"""Seconds between a reply and the end of the output."""
_SPENDABLE, _PER_SECOND = 64 << 20, 16 << 20
"""Bytes of messages that are read at full speed, and per second after that."""
_MESSAGE_COST = 4096
"""What a message costs in addition to its bytes: reading one takes as long as reading so many bytes."""

Take = Callable[[Content], None]


@dataclass(frozen=True)
class ExchangeLimits:
    """What a kernel may do to the service during one exchange."""

    message_bytes: int
    output_chars: int
    """Of printed text; an honest kernel cuts its output before."""
    wait_seconds: float
    """For the connection, and for the kernel to accept the request."""


class StoppedError(Exception):
    """The caller no longer waits for the exchange."""


class Exchange:
    """Use it once."""

    def __init__(self, endpoints: Endpoints, limits: ExchangeLimits, stop: socket.socket) -> None:
        """The exchange stops as soon as `stop` is readable or closed by its peer."""
        self._endpoints = endpoints
        self._limits = limits
        self._stop = stop
        self._poll = select.poll()
        self._poll.register(stop, select.POLLIN)
        self._printed = 0
        self._budget = float(_SPENDABLE)
        self._budgeted_at = time.monotonic()

    def run(self, kind: str, content: Mapping[str, Any], take: Take) -> Reply:
        """Send the request and call `take` with its output, until its reply and the end of its output have arrived.

        Raises ProtocolError, StoppedError, EOFError or OSError if the kernel is gone.
        """
        with closing(self._connected("iopub", "SUB")) as output, closing(self._connected("shell", "DEALER")) as shell:
            self._await_welcome(output, shell)
            request, frames = messages.request(kind, content, self._endpoints.key)
            shell.send(frames)
            return self._read_to_end(request, output, shell, take)

    def _connected(self, channel: str, kind: Any) -> ZmtpSocket:
        made = ZmtpSocket(
            str(self._endpoints.path(channel)),
            kind,
            max_bytes=self._limits.message_bytes,
            wait_seconds=self._limits.wait_seconds,
        )
        self._poll.register(made, select.POLLIN)
        return made

    def _await_welcome(self, output: ZmtpSocket, shell: ZmtpSocket) -> None:
        """Until no output can be missed."""
        deadline = time.monotonic() + self._limits.wait_seconds
        welcome = False
        while not (welcome and shell.ready):
            if time.monotonic() >= deadline:
                raise ProtocolError("the kernel does not answer")
            readable = self._wait(deadline)
            for source in (output, shell):
                if source.fileno() in readable:
                    for _, content in self._received(source):
                        welcome = welcome or isinstance(content, Welcome)

    def _read_to_end(self, request: str, output: ZmtpSocket, shell: ZmtpSocket, take: Take) -> Reply:
        reply: Reply | None = None
        ended = False
        deadline: float | None = None
        while reply is None or not ended:
            readable = self._wait(deadline)
            if deadline is not None and time.monotonic() >= deadline:
                break
            if output.fileno() in readable:
                ended = self._pass_on(request, output, take) or ended
            if shell.fileno() in readable:
                for parent, content in self._received(shell):
                    if parent == request and isinstance(content, Reply):
                        reply = content
                        deadline = time.monotonic() + OUTPUT_GRACE
        assert reply is not None
        return reply

    def _pass_on(self, request: str, output: ZmtpSocket, take: Take) -> bool:
        """Whether the output of the request has ended."""
        for parent, content in self._received(output):
            self._count(content)
            if parent == request:
                take(content)
                if isinstance(content, Status) and content.execution_state == "idle":
                    return True
            elif isinstance(content, Stream):
                take(Late(content.text))
        return False

    def _received(self, source: ZmtpSocket) -> Iterator[tuple[str, Content]]:
        for frames in source.receive():
            self._spend(_MESSAGE_COST + sum(map(len, frames)))
            try:
                message = messages.read(frames, self._endpoints.key)
            except InvalidMessageError:
                continue
            if message is not None:
                yield message

    def _count(self, content: Content) -> None:
        if isinstance(content, Stream):
            self._printed += len(content.text)
            if self._printed > self._limits.output_chars:
                raise ProtocolError(f"more than {self._limits.output_chars} characters of output")

    def _spend(self, cost: int) -> None:
        """Read more slowly when a kernel has sent much; it then has to wait, or loses output."""
        now = time.monotonic()
        self._budget = min(_SPENDABLE, self._budget + (now - self._budgeted_at) * _PER_SECOND) - cost
        self._budgeted_at = now
        if self._budget < 0:
            self._pause(-self._budget / _PER_SECOND)

    def _pause(self, seconds: float) -> None:
        if select.select([self._stop], [], [], seconds)[0]:
            raise StoppedError

    def _wait(self, deadline: float | None) -> set[int]:
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        readable = {descriptor for descriptor, _ in self._poll.poll(timeout)}
        if self._stop.fileno() in readable:
            raise StoppedError
        return readable
