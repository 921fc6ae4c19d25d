"""Several model servers behind one pooled HTTP transport that selects the least busy healthy one."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from typing_extensions import override

log = logging.getLogger(__name__)

ANYWHERE = "http://model-server"
"""The URL that clients of this transport use; the server is selected per request."""
CONNECT_SECONDS = 5.0
CHECK_SECONDS = 5.0
"""Between two checks of every server, and while none is healthy:"""
CHECK_SECONDS_DOWN = 1.0
DOWN_SECONDS = 10.0
"""How long a failed server is skipped, unless a check succeeds earlier."""
PROBE_SECONDS = 3.0
MAX_LINE = 16 << 20
"""In bytes; readers keep a whole line in memory."""
FAILED = frozenset({502, 503, 504})
"""Status codes of a server that is temporarily unavailable."""


OWN_HEADERS = frozenset({b"host", b"accept-encoding"})


class Endpoint:
    """One server."""

    def __init__(self, url: str) -> None:
        self.url = httpx.URL(url.rstrip("/"))
        self.busy = 0
        self.used = 0.0
        self.down_until = 0.0
        self.resting_until = 0.0
        """Until then a healthy server has asked not to be called."""
        self.seen = False
        """Whether it has ever responded."""
        self.models: Mapping[str, int | None] = {}
        """The models that it listed last, each with its context window in tokens if the server reports it."""

    @property
    def up(self) -> bool:
        return time.monotonic() >= self.down_until

    def rest(self, retry_after: str | None) -> None:
        """It is overloaded; without a number of seconds it can be called again at once."""
        seconds = float(retry_after) if retry_after is not None and retry_after.strip().isdigit() else 0.0
        self.resting_until = time.monotonic() + seconds

    @property
    def resting(self) -> float:
        """Seconds."""
        return max(0.0, self.resting_until - time.monotonic())

    def failed(self) -> None:
        if self.up:
            log.warning("the model server %s failed; skipping it until it recovers", self.url)
        self.down_until = time.monotonic() + DOWN_SECONDS

    def well(self) -> None:
        if not self.up:
            log.info("the model server %s is back", self.url)
        self.seen, self.down_until = True, 0.0

    def target(self, request: httpx.Request) -> httpx.URL:
        return self.url.copy_with(raw_path=self.url.raw_path.rstrip(b"/") + request.url.raw_path)


class Upstream(httpx.AsyncBaseTransport):
    """Connections to all `urls` in one pool. A request fails with its server; a retry goes to another one.

    `probe` is the path that lists models; `listed` parses the response (and may raise `ValueError`). A URL without a
    path that returns no list is also tried with the path `below`. While watched, `on_up` is awaited after each check
    that found a healthy server.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        probe: str,
        listed: Callable[[Any], Mapping[str, int | None]],
        headers: Mapping[str, str] | None = None,
        silence: float,
        below: str = "",
    ) -> None:
        self._endpoints = [Endpoint(url) for url in urls]
        self._pool = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32), trust_env=False
        )
        self._probe = probe
        self._below = below
        self._listed = listed
        self._headers = dict(headers or {})
        self.timeout = httpx.Timeout(silence, connect=CONNECT_SECONDS, pool=None)
        self.on_up: Callable[[], Awaitable[None]] | None = None
        self.refused: set[tuple[str, str]] = set()
        """`(model, feature)` pairs that the servers do not support."""

    @property
    def connected(self) -> bool:
        """Whether a server has responded and not failed since."""
        return self.well > 0

    @property
    def well(self) -> int:
        """How many servers have responded and not failed since."""
        return sum(endpoint.seen and endpoint.up for endpoint in self._endpoints)

    @property
    def total(self) -> int:
        return len(self._endpoints)

    @property
    def resting(self) -> float:
        """Seconds until one of the healthy servers accepts requests."""
        return min((endpoint.resting for endpoint in self._endpoints if endpoint.up), default=0.0)

    @property
    def models(self) -> dict[str, int | None]:
        """Models by name, as last listed by the servers."""
        return {name: window for endpoint in self._endpoints for name, window in endpoint.models.items()}

    def client(self) -> httpx.AsyncClient:
        """A client of this transport. Closing it would close the pool."""
        return httpx.AsyncClient(transport=self, base_url=ANYWHERE, headers=self._headers, timeout=self.timeout)

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        endpoint = min(self._endpoints, key=lambda one: (not one.up, one.resting, one.busy, one.used))
        endpoint.used = time.monotonic()
        endpoint.busy += 1
        body: _Body | None = None
        try:
            response = await self._send(request, endpoint)
            body = _Body(response, endpoint)
        except httpx.TimeoutException as error:
            if isinstance(error, httpx.ConnectTimeout):
                endpoint.failed()
            raise
        except httpx.TransportError:
            endpoint.failed()
            raise
        finally:
            if body is None:
                endpoint.busy -= 1
        if response.status_code in FAILED:
            endpoint.failed()
        else:
            endpoint.well()
        if response.status_code == 429:
            endpoint.rest(response.headers.get("retry-after"))
        return httpx.Response(
            response.status_code, headers=response.headers, stream=body, extensions=response.extensions
        )

    async def _send(self, request: httpx.Request, endpoint: Endpoint) -> httpx.Response:
        url = endpoint.target(request)
        headers = [(name, value) for name, value in request.headers.raw if name.lower() not in OWN_HEADERS]
        there = httpx.Request(
            request.method,
            url,
            headers=[(b"Host", url.netloc), (b"Accept-Encoding", b"identity"), *headers],
            stream=request.stream,
            extensions=request.extensions,
        )
        return await self._pool.handle_async_request(there)

    async def check(self) -> None:
        """Check every server: whether it responds, and its models."""
        await asyncio.gather(*(self._look(endpoint) for endpoint in self._endpoints))

    async def _look(self, endpoint: Endpoint) -> None:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                try:
                    endpoint.models = await self._list(endpoint.url)
                except ValueError:
                    if not self._below or endpoint.url.path != "/":
                        raise
                    below = endpoint.url.copy_with(path=self._below)
                    endpoint.models = await self._list(below)
                    log.info("using the model server %s at %s", endpoint.url, below)
                    endpoint.url = below
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            log.debug("the model server %s: %s", endpoint.url, error)
            endpoint.failed()
            return
        endpoint.well()

    async def _list(self, url: httpx.URL) -> Mapping[str, int | None]:
        """Raises `ValueError` for a response that is not a list."""
        timeout = httpx.Timeout(PROBE_SECONDS).as_dict()
        request = httpx.Request(
            "GET", f"{str(url).rstrip('/')}{self._probe}", headers=self._headers, extensions={"timeout": timeout}
        )
        response = await self._pool.handle_async_request(request)
        try:
            await response.aread()
        finally:
            await response.aclose()
        return self._listed({} if response.is_error else response.json())

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Check the servers now and repeatedly during the block; close the connections after it."""
        await self.check()
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self.aclose()

    async def _watch(self) -> None:
        while True:
            if self.connected and self.on_up is not None:
                await self.on_up()
            await asyncio.sleep(CHECK_SECONDS if self.connected else CHECK_SECONDS_DOWN)
            await self.check()

    @override
    async def aclose(self) -> None:
        await self._pool.aclose()


def _check_line(length: int, part: bytes) -> int:
    """The length of the line continued in `part`. Raises `httpx.RemoteProtocolError` if it is too long."""
    at = part.rfind(b"\n")
    length = length + len(part) if at < 0 else len(part) - at - 1
    if length > MAX_LINE:
        raise httpx.RemoteProtocolError(f"a line of more than {MAX_LINE} bytes")
    return length


class _Body(httpx.AsyncByteStream):
    """A response's body; its server is busy until it is closed, and has failed if it breaks off."""

    def __init__(self, response: httpx.Response, endpoint: Endpoint) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._stream = response.stream
        self._endpoint = endpoint
        self._open = True

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        line = 0
        try:
            async for part in self._stream:
                line = _check_line(line, part)
                yield part
        except httpx.TimeoutException:
            raise
        except httpx.TransportError:
            self._endpoint.failed()
            raise

    @override
    async def aclose(self) -> None:
        if self._open:
            self._open = False
            self._endpoint.busy -= 1
        await self._stream.aclose()
