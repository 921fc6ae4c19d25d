"""Headers that tell browsers to be careful. docs/security.md says why each of them."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
    # The filter that this once turned on could itself be attacked; browsers have removed it.
    "X-XSS-Protection": "0",
    "Cache-Control": "no-store",
}
UNDER_TLS = {"Strict-Transport-Security": "max-age=31536000"}


class SecurityHeaders:
    """Sets what an answer has not set itself, on errors of every kind too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = HEADERS | (UNDER_TLS if scope.get("scheme") in ("https", "wss") else {})

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in wanted.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, careful)
