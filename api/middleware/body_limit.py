"""Plain ASGI middleware that limits request bodies: their size, their pace, and how much of them is in memory."""

import asyncio
import time
from asyncio import timeout
from collections import Counter
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.allocator import trim
from api.errors import ApiError
from api.middleware.request_context import client_address
from workspace.settings import MIB
from workspace.threads import in_own_thread

SMALL_BODY = 2 * MIB
"""Bytes that suffice for everything except files and conversations."""
MIN_PROGRESS = 1024
"""Bytes that must arrive in the allowed time, so that sending single bytes does not count as progress."""
DRAIN_SECONDS = 10.0
DRAIN_BYTES = 512 * MIB
WORTH_TRIMMING = 8 * MIB
"""Bytes of bodies after which the C library is told to return memory."""
TRIM_SECONDS = 2.0
"""By then, the last body is no longer used."""
CLOSE = {"Connection": "close"}
IN_ALL, PER_ADDRESS = 4, 2
"""How many bodies of the maximum size may be in memory: of all clients, and of one."""


class BodyMemory:
    """The memory that received bodies and messages may take: in all, and per address."""

    def __init__(self, unit: int) -> None:
        """`unit` is the maximum size of one body, in bytes."""
        self._unit = unit
        self._held: Counter[str] = Counter()
        self._peak = 0
        """Bytes, since there were none."""

    @property
    def held(self) -> int:
        """Bytes in use."""
        return self._held.total()

    def share(self, address: str) -> "Share":
        """The memory of one request from `address`, nothing yet."""
        return Share(self, address)

    def take(self, address: str, size: int) -> None:
        """Raises 429."""
        held = self._held
        if held[address] + size > PER_ADDRESS * self._unit or held.total() + size > IN_ALL * self._unit:
            headers = {**CLOSE, "Retry-After": "1"}
            raise ApiError(429, "Too many large requests at once.", code="too_many_large_requests", headers=headers)
        held[address] += size
        self._peak = max(self._peak, held.total())

    def give_back(self, address: str, size: int) -> None:
        self._held[address] -= size
        if not self._held[address]:
            del self._held[address]
        if not self._held and self._peak > WORTH_TRIMMING:
            self._peak = 0
            asyncio.get_running_loop().call_later(TRIM_SECONDS, in_own_thread, trim)


class Share:
    """What one request has taken of the memory for bodies."""

    def __init__(self, memory: BodyMemory, address: str) -> None:
        self._memory = memory
        self._address = address
        self._size = 0

    def take(self, size: int) -> None:
        """Raises 429."""
        self._memory.take(self._address, size)
        self._size += size

    def release(self) -> None:
        """Also if nothing was taken, and more than once."""
        size, self._size = self._size, 0
        self._memory.give_back(self._address, size)


class BodyLimit:
    """Refuses bodies that are too large (413), too slow (408), or too many at once (429)."""

    def __init__(
        self, app: ASGIApp, memory: BodyMemory, *, limit: int, large: Collection[str], idle_seconds: float
    ) -> None:
        """`limit` in bytes is for the paths in `large`, `SMALL_BODY` for all others."""
        self._app = app
        self._limit = limit
        self._large = frozenset(large)
        self._idle_seconds = idle_seconds
        self._memory = memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._limit if scope["path"] in self._large else min(self._limit, SMALL_BODY)
        share = None
        if not headers.get("content-type", "").startswith("multipart/"):  # a form's files go to the disk
            share = self._memory.share(client_address(scope))
        body = _Body(receive, send, limit, self._idle_seconds, share)
        try:
            if _declared(headers) > limit:
                error = body.too_large()
                await error.response(CLOSE)(scope, body.receive, body.send)
            else:
                await self._app(scope, body.receive, body.send)
        finally:
            body.release()


class _Body:
    """The body of one request, and its response. The body takes memory until the response begins."""

    def __init__(self, receive: Receive, send: Send, limit: int, idle_seconds: float, share: Share | None) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._share = share
        self._size = 0
        self._arrived, self._left = 0, idle_seconds
        self._ended = self._refused = False

    async def receive(self) -> Message:
        """The next message of the body. Raises ApiError."""
        if self._ended:
            return await self._receive()
        message = await self._paced()
        data = message.get("body", b"")
        self._ended = not message.get("more_body", False)
        self._size += len(data)
        if self._size > self._limit:
            raise self.too_large()
        if self._share is not None:
            self._share.take(len(data))
        return message

    def too_large(self) -> ApiError:
        """The error for this body, which is then read to its end but not kept."""
        self._refused = True
        size = f"{self._limit / MIB:g} MB"
        return ApiError(413, f"The request exceeds the limit of {size}.", code="body_too_large", headers=CLOSE)

    async def send(self, message: Message) -> None:
        """A message of the response.

        Before a refusal ends, what is still on its way is read: a connection that is closed earlier would be reset, and
        most clients read nothing before they have sent everything.
        """
        if message["type"] == "http.response.start":
            self.release()
        if self._refused and not self._ended and not message.get("more_body", False) and "body" in message:
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {**message, "body": b""}
        await self._send(message)

    def release(self) -> None:
        if self._share is not None:
            self._share.release()

    async def _drain(self) -> None:
        drained = 0
        try:
            async with timeout(DRAIN_SECONDS):
                while not self._ended and drained < DRAIN_BYTES:
                    message = await self._receive()
                    drained += len(message.get("body", b""))
                    self._ended = not message.get("more_body", False)
        except TimeoutError:
            return

    async def _paced(self) -> Message:
        """The service's own processing does not count."""
        began = time.monotonic()
        try:
            async with timeout(self._left):
                message = await self._receive()
        except TimeoutError as error:
            seconds = f"{self._idle_seconds:g} seconds"
            raise ApiError(
                408, f"The request made no progress for {seconds}.", code="upload_timeout", headers=CLOSE
            ) from error
        self._left -= time.monotonic() - began
        self._arrived += len(message.get("body", b""))
        if self._arrived >= MIN_PROGRESS:
            self._left, self._arrived = self._idle_seconds, 0
        return message


def _declared(headers: Headers) -> int:
    """The announced size. A number that is too long to be read is too large in any case."""
    declared = headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdecimal()):
        return 0
    return int(declared) if len(declared) < 20 else 1 << 63
