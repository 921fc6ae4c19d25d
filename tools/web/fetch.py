"""Fetch a page of the public web, and nothing else.

A name is resolved once, every address it has is checked, and the connection goes to one of exactly these: what the
name means a moment later (DNS rebinding) does not matter. Each redirect begins from the start.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import httpx

from tools.web.compression import ACCEPTED, Decoder, too_large
from tools.web.errors import FetchError, NameNotFoundError, UnreachableError
from tools.web.resolve import Lookup, Resolver, system_lookup
from tools.web.settings import WebSettings
from tools.web.urls import Target, parse

MAX_REDIRECTS = 5
USER_AGENT = "Mozilla/5.0 (compatible; llm-api)"
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Response:
    """What came, after all redirects. The body is read from `chunks` while the response is open."""

    url: str
    mime: str
    """In lower case, without parameters; empty when the server said nothing."""
    charset: str | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """A response with its whole body."""

    url: str
    mime: str
    charset: str | None
    body: bytes


class Fetcher:
    """Safe for any number of concurrent callers; keeps no connection and no cookie from one request to the next."""

    def __init__(
        self, settings: WebSettings, lookup: Lookup = system_lookup, tls: ssl.SSLContext | None = None
    ) -> None:
        self.settings = settings
        self._resolver = Resolver(lookup)
        self._tls = tls

    async def fetch(self, url: str, kinds: tuple[str, ...], limit: int | None = None) -> Page:
        """The page and its body, of at most `limit` bytes (by default the settings'), within the settings' time.

        `kinds` are the media types that are wanted, as `text/html` or `text/`. Raises `FetchError` and its
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
            raise UnreachableError(f"The page did not come within {self.settings.timeout:g} seconds.") from error
        return Page(response.url, response.mime, response.charset, body)

    @asynccontextmanager
    async def open(self, url: str, kinds: tuple[str, ...], limit: int | None = None) -> AsyncIterator[Response]:
        """As `fetch`, to be read in pieces; how long it may take is the caller's to say."""
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
        """One request to one checked address; the next address is tried when no connection can be made."""
        addresses = await self._hosts(target)
        for left, host in enumerate(addresses, start=1 - len(addresses)):
            async with httpx.AsyncClient(
                transport=await self._transport(), trust_env=False, timeout=self.settings.timeout
            ) as client:
                request = client.build_request(
                    "GET",
                    target.url.copy_with(host=host, fragment=None),
                    headers=_headers(target),
                    extensions={"sni_hostname": target.host},
                )
                try:
                    answer = await client.send(request, stream=True)
                except httpx.ConnectError as error:
                    if left < 0:
                        continue
                    raise UnreachableError(f"No connection to {target.host}: {_told(error)}.") from error
                except httpx.HTTPError as error:
                    raise UnreachableError(f"{target.host} could not be asked: {_told(error)}.") from error
                try:
                    yield answer
                finally:
                    await answer.aclose()
                return

    async def _hosts(self, target: Target) -> list[str]:
        """What to connect to: the checked addresses. A proxy looks the name up itself, and may know more names."""
        try:
            addresses = await self._resolver.addresses(target)
        except NameNotFoundError:
            if self.settings.proxy is None:
                raise
            addresses = []
        return [target.host] if self.settings.proxy else [str(address) for address in addresses]

    async def tls(self) -> ssl.SSLContext:
        """Whom to trust: read from disk once, which takes its time."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
        return self._tls

    async def _transport(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=await self.tls(), trust_env=False, proxy=self.settings.proxy)

    def _next(self, target: Target, answer: httpx.Response) -> Target:
        place = answer.headers.get("location")
        if place is None:
            raise FetchError(f"{target.host} redirects without saying where to.")
        try:
            url = target.url.join(place)
        except httpx.InvalidURL as error:
            raise FetchError(f"{target.host} redirects to something that is no address.") from error
        return parse(str(url), self.settings)


def _headers(target: Target) -> dict[str, str]:
    return {
        "Host": target.url.netloc.decode("ascii"),
        "User-Agent": USER_AGENT,
        "Accept": "text/html,application/xhtml+xml,text/plain,*/*;q=0.5",
        "Accept-Encoding": ACCEPTED,
    }


def _response(target: Target, answer: httpx.Response, kinds: tuple[str, ...], limit: int) -> Response:
    """Raises `FetchError` for a status that is an error, an unwanted kind, a length beyond the limit."""
    if not answer.is_success:
        phrase = httpx.codes.get_reason_phrase(answer.status_code) or "unknown"
        raise FetchError(f"{target.host} answered with status {answer.status_code} ({phrase}).")
    mime = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if mime and not any(mime == kind or (kind.endswith("/") and mime.startswith(kind)) for kind in kinds):
        raise FetchError(f"This is not of a kind that is read here, but {mime[:100]}.")
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
        raise FetchError(f"The connection broke in the middle of the page: {_told(error)}.") from error
    decoder.end()


def _told(error: httpx.HTTPError) -> str:
    return str(error).rstrip(".") or type(error).__name__
