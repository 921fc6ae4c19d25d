"""A small web site on loopback: honest pages, and a few malicious ones."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from api.server import listen
from api.settings.server import ServerSettings
from tests.documents import pdf
from tests.serving import until
from tests.tools.vision.pictures import encoded, half_and_half

ARTICLE = """<!doctype html><html><head><title>The tides of Saint-Malo</title></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a> <a href="/login">Log in</a></nav>
<article><h1>The tides of Saint-Malo</h1>
<p>The tidal range at Saint-Malo reaches thirteen metres at the equinoxes, among the greatest in Europe.</p>
<p>The tidal power station on the Rance, opened in 1966, was the first of its kind in the world and still produces
about five hundred gigawatt hours of electricity in a year, enough for a city of the size of Rennes.</p>
<p>Visitors who walk to the island of Grand Bé at low water have to watch the clock, as the causeway is covered
again within six hours.</p></article>
<footer>Cookies. Privacy. All rights reserved.</footer></body></html>"""
PDF = "application/pdf"
BOMB_BYTES = 64 << 20


@dataclass
class Site:
    """The running site, and the requests it received."""

    url: str
    port: int
    hits: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


def _bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(BOMB_BYTES >> 20)) + packer.flush()


async def drip(drop: bytes = b"<p>more</p>") -> AsyncIterator[bytes]:
    while True:
        yield drop
        await asyncio.sleep(0.02)


def _app(site: Site) -> FastAPI:  # noqa: C901 (a list of pages)
    async def record(request: Request) -> None:
        site.hits.append(request.url.path)
        site.headers.append(dict(request.headers))

    app = FastAPI(dependencies=[Depends(record)])

    @app.get("/article")
    async def article() -> HTMLResponse:
        return HTMLResponse(ARTICLE)

    @app.get("/compressed")
    async def compressed() -> Response:
        return Response(gzip.compress(ARTICLE.encode()), headers={"content-encoding": "gzip"}, media_type="text/html")

    @app.get("/encoded/{name}")
    async def packed(name: str) -> Response:
        body = {
            "raw-deflate": zlib.compress(ARTICLE.encode(), wbits=-15),
            "deflate": zlib.compress(ARTICLE.encode()),
            "damaged": b"\x1f\x8b" + b"x" * 50,
            "cut": gzip.compress(ARTICLE.encode())[:-40],
            "br": b"anything",
            "twice": gzip.compress(gzip.compress(b"x")),
        }[name]
        encoding = {"raw-deflate": "deflate", "deflate": "deflate", "br": "br", "twice": "gzip, gzip"}.get(name, "gzip")
        return Response(body, headers={"content-encoding": encoding}, media_type="text/html")

    @app.get("/bomb")
    async def bomb() -> Response:
        return Response(_bomb(), headers={"content-encoding": "gzip"}, media_type="text/html")

    @app.get("/text")
    async def text() -> PlainTextResponse:
        return PlainTextResponse("plain words, 42 of them")

    @app.get("/korean")
    async def korean() -> Response:
        page = (
            "<title>날씨</title><article><p>" + "오늘 서울의 날씨는 맑고 기온은 십오 도입니다. " * 5 + "</p></article>"
        )
        return Response(page.encode("cp949"), headers={"content-type": "text/html; charset=euc-kr"})

    @app.get("/charset/{name}")
    async def charset(name: str) -> Response:
        return Response(b"<p>plain words</p>", headers={"content-type": f"text/html; charset={name}"})

    @app.get("/empty")
    async def empty() -> HTMLResponse:
        return HTMLResponse("<html><head><script>render()</script></head><body><div id=app></div></body></html>")

    @app.get("/picture")
    async def picture() -> Response:
        return Response(b"no picture at all, says its server", media_type="image/png")

    @app.get("/flag.png")
    async def flag() -> Response:
        return Response(encoded(half_and_half()), media_type="image/png")

    @app.get("/drip.png")
    async def dripping() -> StreamingResponse:
        return StreamingResponse(drip(b"\x89PNG\r\n\x1a\n" + bytes(20)), media_type="image/png")

    @app.get("/report.pdf")
    async def report() -> Response:
        return Response(pdf([["The first page is about tides."], ["The second page names 1966."]]), media_type=PDF)

    @app.get("/false.pdf")
    async def false_pdf() -> Response:
        return Response(b"no PDF at all", media_type=PDF)

    @app.get("/binary")
    async def binary() -> Response:
        return Response(b"MZ\0\0" * 100, media_type="text/html")

    @app.get("/long")
    async def long() -> HTMLResponse:
        told = "".join(
            f"<p>Paragraph {n} tells what the one before it did not say, and a little more.</p>" for n in range(150)
        )
        return HTMLResponse(f"<title>Long</title><article>{told}</article>")

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        return StreamingResponse(drip(), media_type="text/html")

    @app.get("/flood")
    async def flood() -> StreamingResponse:
        async def pour() -> AsyncIterator[bytes]:
            for _ in range(1000):
                yield b"x" * (1 << 20)

        return StreamingResponse(pour(), media_type="text/html")

    @app.get("/declared")
    async def declared() -> StreamingResponse:
        return StreamingResponse(drip(), headers={"content-length": str(1 << 40)}, media_type="text/html")

    @app.get("/status/{code}")
    async def status(code: int) -> Response:
        return Response("sorry", code)

    @app.get("/to")
    async def to(url: str, code: int = 302) -> RedirectResponse:
        return RedirectResponse(url, code)

    @app.get("/again/{left}")
    async def again(left: int) -> RedirectResponse:
        return RedirectResponse(f"/again/{left - 1}" if left else "/article")

    @app.get("/nowhere")
    async def nowhere() -> Response:
        return Response(status_code=302)

    @app.get("/cookie")
    async def cookie() -> Response:
        return Response(status_code=302, headers={"location": "/article", "set-cookie": "track=1"})

    return app


@asynccontextmanager
async def site(tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    with listen(ServerSettings(port=0)) as sock:
        port = sock.getsockname()[1]
        running = Site(f"{'https' if tls else 'http'}://127.0.0.1:{port}", port)
        config = uvicorn.Config(_app(running), log_config=None, access_log=False, lifespan="off")
        config.load()
        config.ssl = tls
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            await until(lambda: server.started)
            yield running
        finally:
            server.should_exit = server.force_exit = True
            await serving
