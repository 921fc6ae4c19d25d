"""Fetches public web pages, and nothing else.

A name is resolved once, every address it has is checked, and the connection goes to one of exactly these, so DNS
rebinding has no effect. Each redirect is checked from the start.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import httpx

from tools.web.compression import ACCEPTED, Decoder, too_large
from tools.web.errors import AddressRefusedError, FetchError, NameNotFoundError, UnreachableError
from tools.web.resolve import Lookup, Resolver, system_lookup
from tools.web.settings import WebSettings
from tools.web.urls import Target, parse

MAX_REDIRECTS = 5
USER_AGENT = "Mozilla/5.0 (compatible; llm-api)"
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Response:
    """The response after all redirects. The body is read from `chunks` while the response is open."""

    url: str
    mime: str
    """In lower case, without parameters; empty if the server sent none."""
    charset: str | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """A response with its complete body."""

    url: str
    mime: str
    charset: str | None
    body: bytes


class Fetcher:
    """Safe for any number of concurrent callers; keeps no connections or cookies between requests."""

    def __init__(
        self, settings: WebSettings, lookup: Lookup = system_lookup, tls: ssl.SSLContext | None = None
    ) -> None:
        self.settings = settings
        self._resolver = Resolver(lookup)
        self._tls = tls

    async def fetch(self, url: str, kinds: tuple[str, ...], limit: int | None = None) -> Page:
        """The page and its body, of at most `limit` bytes (default: the settings'), within the settings' time limit.

        `kinds` are the accepted media types, such as `text/html` or `text/`. Raises `FetchError` and its
        `AddressRefusedError`.
        """
        try:
            async with (
                asyncio.timeout(self.settings.timeout),
                self.open(url, kinds, limit) as response,
                aclosing(response.chunks) as chunks,  # type: ignore[type-var]
            ):
                body = b"".join([chunk async for chunk in chunks])
        except TimeoutError as error:
            raise UnreachableError(f"The page did not arrive within {self.settings.timeout:g} seconds.") from error
        return Page(response.url, response.mime, response.charset, body)

    @asynccontextmanager
    async def open(self, url: str, kinds: tuple[str, ...], limit: int | None = None) -> AsyncIterator[Response]:
        """Like `fetch`, for incremental reading; the caller limits the time."""
        limit = limit or self.settings.page_bytes
        target = parse(url, self.settings)
        for _ in range(MAX_REDIRECTS + 1):
            async with self._request(target) as answer:
                if answer.status_code not in REDIRECTS:
                    yield _response(target, answer, kinds, limit)
                    return
                target = self._next(target, answer)
        raise FetchError(f"The page redirects more than {MAX_REDIRECTS} times.")

    @asynccontextmanager
    async def _request(self, target: Target) -> AsyncIterator[httpx.Response]:
        """One request to one checked address; if the connection fails, the next address is tried."""
        addresses = await self._hosts(target)
        for left, host in enumerate(addresses, start=1 - len(addresses)):
            # Not an httpx client: it would parse the targets of redirects, and fail on some of them.
            async with await self._transport() as transport:
                try:
                    answer = await transport.handle_async_request(self._prepared(target, host))
                except httpx.ConnectError as error:
                    if left < 0:
                        continue
                    raise UnreachableError(f"No connection to {target.host}: {_told(error)}.") from error
                except httpx.HTTPError as error:
                    raise UnreachableError(f"The request to {target.host} failed: {_told(error)}.") from error
                try:
                    yield answer
                finally:
                    await answer.aclose()
                return

    def _prepared(self, target: Target, host: str) -> httpx.Request:
        return httpx.Request(
            "GET",
            target.url.copy_with(host=host, fragment=None),
            headers=_headers(target),
            extensions={"sni_hostname": target.host, "timeout": httpx.Timeout(self.settings.timeout).as_dict()},
        )

    async def _hosts(self, target: Target) -> list[str]:
        """The addresses to connect to: the checked ones. A proxy resolves names itself, and may know more names."""
        try:
            addresses = await self._resolver.addresses(target)
        except NameNotFoundError:
            if self.settings.proxy is None:
                raise
            addresses = []
        return [target.host] if self.settings.proxy else [str(address) for address in addresses]

    async def tls(self) -> ssl.SSLContext:
        """The trusted certificates, read from disk only once because that is slow."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
        return self._tls

    async def _transport(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=await self.tls(), trust_env=False, proxy=self.settings.proxy)

    def _next(self, target: Target, answer: httpx.Response) -> Target:
        place = answer.headers.get("location")
        if place is None:
            raise FetchError(f"{target.host} redirects without a target.")
        try:
            return parse(place, self.settings, target.url)
        except AddressRefusedError as error:
            raise AddressRefusedError(f"{target.host} redirects to a URL that cannot be fetched. {error}") from error


def _headers(target: Target) -> dict[str, str]:
    return {
        "Host": target.url.netloc.decode("ascii"),
        "User-Agent": USER_AGENT,
        "Accept": "text/html,application/xhtml+xml,text/plain,*/*;q=0.5",
        "Accept-Encoding": ACCEPTED,
        "Connection": "close",
    }


def _response(target: Target, answer: httpx.Response, kinds: tuple[str, ...], limit: int) -> Response:
    """Raises `FetchError` for an error status, an unwanted type, or a length over the limit."""
    if not answer.is_success:
        phrase = httpx.codes.get_reason_phrase(answer.status_code) or "unknown"
        raise FetchError(f"{target.host} responded with status {answer.status_code} ({phrase}).")
    mime = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if mime and not any(mime == kind or (kind.endswith("/") and mime.startswith(kind)) for kind in kinds):
        raise FetchError(f"The type {mime[:100]} is not supported.")
    declared = answer.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large(limit)
    decoder = Decoder(answer.headers.get("content-encoding", ""), limit)
    return Response(str(target.url), mime, answer.charset_encoding, _chunks(answer, decoder, limit))


async def _chunks(answer: httpx.Response, decoder: Decoder, limit: int) -> AsyncIterator[bytes]:
    received = 0
    try:
        async for raw in answer.aiter_raw():
            received += len(raw)
            if received > limit:
                raise too_large(limit)
            for piece in decoder.feed(raw):
                yield piece
    except httpx.HTTPError as error:
        raise FetchError(f"The connection was lost during the page: {_told(error)}.") from error
    decoder.end()


def _told(error: httpx.HTTPError) -> str:
    return str(error).rstrip(".") or type(error).__name__
