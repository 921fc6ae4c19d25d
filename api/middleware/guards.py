"""Plain ASGI middleware that refuses requests from foreign web pages."""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import ApiError


class KnownSites:
    """Refuses requests for unknown hosts and, without a login, requests from foreign web pages.

    Without a login, a foreign page could send a form to localhost (`Origin` reveals this) or point its own host name
    here (`Host` reveals this). With a login, every request carries a token that no other page has.
    """

    def __init__(self, app: ASGIApp, *, login_required: bool, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self._app = app
        self._login_required = login_required
        self._hosts = tuple(host.lower() for host in hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            if not (self._host_is_ours(headers) and self._page_is_known(headers)):
                error = ApiError(403, "Requests from other sites are refused.", code="foreign_origin")
                await _refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _host_is_ours(self, headers: Headers) -> bool:
        if self._login_required and not self._hosts:
            return True
        return self._is_ours(_name(f"//{headers.get('host', 'localhost')}"))

    def _page_is_known(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        return self._login_required or origin is None or origin in self._origins or self._is_ours(_name(origin))

    def _is_ours(self, host: str | None) -> bool:
        return _is_local(host) or any(_matches(host or "", pattern) for pattern in self._hosts)


def _matches(host: str, pattern: str) -> bool:
    return host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _is_local(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def _refuse(error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        # before the handshake is accepted: servers then answer 403
        await send({"type": "websocket.close", "code": 1008})
        return
    await error.response()(scope, receive, send)
