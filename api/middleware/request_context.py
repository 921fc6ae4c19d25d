"""The outermost middleware: request IDs, security headers, the access log and the audit log."""

import logging
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.middleware.audit_log import AuditLog
from api.middleware.logging import request_id
from api.middleware.security_headers import HEADERS, UNDER_TLS
from checkpoints.users import User
from workspace.fair_share import TENANT

log = logging.getLogger("api.access")

REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SAFE = {"GET", "HEAD", "OPTIONS"}
REFUSED = {401, 403}
MAX_PATH = 300


class RequestContext:
    """Uses the client's `X-Request-ID` if it is a plain word, or else generates one, and returns it in the response."""

    def __init__(self, app: ASGIApp, audit: AuditLog) -> None:
        self._app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        name = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        request_id.set(name)
        TENANT.set(client_address(scope))  # until the login is known
        scope.setdefault("state", {})
        status, began = 0, time.monotonic()

        careful = HEADERS | (UNDER_TLS if scope.get("scheme") in ("https", "wss") else {})

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.accept"):
                status = message.get("status", 101)
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = name
                for header, value in careful.items() if message["type"] == "http.response.start" else ():
                    headers.setdefault(header, value)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            await self._tell(scope, status, round((time.monotonic() - began) * 1000))

    async def _tell(self, scope: Scope, status: int, duration_ms: int) -> None:
        method = scope.get("method", "WEBSOCKET")
        user: User | None = scope["state"].get("user")
        # Paths contain no user text. Query strings may, so they are omitted.
        path = quote(scope["path"])[:MAX_PATH]
        fields = {
            "method": method,
            "path": path,
            "status": status,
            "ms": duration_ms,
            "user": user.id if user else None,
            "from": client_address(scope),
        }
        log.info("%s %s %s %s ms", method, path, status, duration_ms, extra={"fields": fields})
        if method not in SAFE or status in REFUSED:
            await self._audit.record(
                **{
                    "user": user.id if user else None,
                    "name": user.name if user else None,
                    "action": f"{method} {_template(scope)}",
                    "target": _target(scope),
                    "status": status,
                    "from": client_address(scope),
                    "request": request_id.get(),
                }
            )


def client_address(scope: Mapping[str, Any]) -> str:
    """The client's address. uvicorn has already applied the headers of trusted proxies."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _template(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "unknown route"))


def _target(scope: Scope) -> str | None:
    """IDs and names in the path, and those added by the route."""
    parts = [*map(str, scope.get("path_params", {}).values()), *scope["state"].get("audit", ())]
    return " ".join(parts) or None
