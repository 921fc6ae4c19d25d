"""A malicious web server. Its first word of the path says what it does."""

import asyncio
import itertools
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import unquote

HTML = "Content-Type: text/html\r\n"


@dataclass(frozen=True)
class Site:
    """Its address."""

    url: str
    port: int


Write = Callable[[bytes], Awaitable[None]]


PAGES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "gzip": (f"{HTML}Content-Encoding: gzip\r\n", lambda: _bomb(256)),
    "deep": (HTML, lambda: b"<html><body>" + b"<div>" * 1_000_000),
    "table": (HTML, lambda: b"<html><body><article>" + b"<table><tr><td>1" * 200_000),
    "attributes": (HTML, lambda: b"<p " + b" ".join(b"a%d=1" % number for number in range(500_000)) + b">x"),
    "words": (HTML, lambda: b"<article>" + b"<p>Some words, and then a few more of them.</p>" * 150_000),
    "charset": ("Content-Type: text/html; charset=utf-7\r\n", lambda: ("<p>" + "日本語" * 500_000).encode("utf-16")),
}
"""Headers and body."""


async def _endless(write: Write) -> None:
    await write(_head(HTML, length=None))
    while True:
        await write(b"<p>" + b"more words " * 6000)


async def _drip(write: Write) -> None:
    await write(_head(HTML, length=None))
    while True:
        await write(b"x")
        await asyncio.sleep(0.1)


async def _slow_head(write: Write) -> None:
    await write(b"HTTP/1.1 200 OK\r\n")
    for number in itertools.count():
        await write(f"X-{number}: x\r\n".encode())
        await asyncio.sleep(0.1)


async def _headers(write: Write) -> None:
    await write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await write(b"X-Many: " + b"x" * 8000 + b"\r\n")


async def _png(write: Write) -> None:
    await write(_head("Content-Type: image/png\r\n", length=None) + b"\x89PNG\r\n\x1a\n")
    while True:
        await write(bytes(60_000))


ENDLESS: dict[str, Callable[[Write], Awaitable[None]]] = {
    "endless": _endless,
    "drip": _drip,
    "slowhead": _slow_head,
    "headers": _headers,
    "png": _png,
}


async def _answer(path: str, write: Write) -> None:
    kind, _, rest = path.strip("/").partition("/")
    targets = {"to": unquote(rest), "loop": "/loop/x", "longer": f"/longer/{rest}{'x' * 500}"}
    if kind in targets:
        await write(_head(f"Location: {targets[kind]}\r\n", "302 Found"))
    elif kind in PAGES:
        headers, make = PAGES[kind]
        body = await asyncio.to_thread(make)
        await write(_head(headers, length=len(body)) + body)
    elif kind in ENDLESS:
        await ENDLESS[kind](write)
    else:
        await write(_head("", "404 Not Found"))


def _head(lines: str, status: str = "200 OK", length: int | None = 0) -> bytes:
    size = "" if length is None else f"Content-Length: {length}\r\n"
    return f"HTTP/1.1 {status}\r\n{lines}{size}Connection: close\r\n\r\n".encode()


def _bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async def write(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        head = await reader.readuntil(b"\r\n\r\n")
        await _answer(head.split(b" ")[1].decode("latin-1"), write)
    writer.close()


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """Serve on a free port until the block ends."""
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Site(f"http://127.0.0.1:{port}", port)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
