"""Plain ASGI middleware: no body beyond the limit, no request that a foreign web page makes."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ApiError


class BodyLimit:
    """413 as soon as a body is known, or found, to be larger than `limit` bytes."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > self._limit:
            await _refuse(self._error(), scope, receive, send)
            return
        await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._limit:
                raise self._error()
            return message

        return counted

    def _error(self) -> ApiError:
        return ApiError(413, f"The request is larger than the limit of {self._limit >> 20} MB.", code="body_too_large")


class LocalOnly:
    """For a service without a login: only this machine's own programs and pages may speak to it.

    A web page from elsewhere could otherwise send a form to localhost (it carries its `Origin`), or have its
    own name point here (then `Host` is not a local name).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            host = _name(f"//{headers.get('host', 'localhost')}")
            if not _is_local(host) or (origin is not None and not _is_local(_name(origin))):
                error = ApiError(403, "Requests of other sites are refused.", code="foreign_origin")
                await _refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)


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
    await JSONResponse(error.body(), error.status)(scope, receive, send)
