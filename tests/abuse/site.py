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


async def _answer(path: str, write: Write) -> None:
    kind, _, rest = path.strip("/").partition("/")
    match kind:
        case "to":
            await write(_head(f"Location: {unquote(rest)}\r\n", "302 Found"))
        case "loop":
            await write(_head("Location: /loop/x\r\n", "302 Found"))
        case "longer":
            await write(_head(f"Location: /longer/{rest}{'x' * 500}\r\n", "302 Found"))
        case "endless":
            await write(_head(HTML, length=None))
            while True:
                await write(b"<p>" + b"more words " * 6000)
        case "drip":
            await write(_head(HTML, length=None))
            while True:
                await write(b"x")
                await asyncio.sleep(0.1)
        case "slowhead":
            await write(b"HTTP/1.1 200 OK\r\n")
            for number in itertools.count():
                await write(f"X-{number}: x\r\n".encode())
                await asyncio.sleep(0.1)
        case "headers":
            await write(b"HTTP/1.1 200 OK\r\n")
            while True:
                await write(b"X-Many: " + b"x" * 8000 + b"\r\n")
        case "gzip":
            data = _bomb(256)
            await write(_head(f"{HTML}Content-Encoding: gzip\r\n", length=len(data)) + data)
        case "deep":
            data = b"<html><body>" + b"<div>" * 1_000_000
            await write(_head(HTML, length=len(data)) + data)
        case "table":
            data = b"<html><body><article>" + b"<table><tr><td>1" * 200_000
            await write(_head(HTML, length=len(data)) + data)
        case "attributes":
            data = b"<html><body><p " + b" ".join(b"a%d=1" % number for number in range(500_000)) + b">x"
            await write(_head(HTML, length=len(data)) + data)
        case "words":
            data = b"<html><body><article>" + b"<p>Some words, and then a few more of them.</p>" * 150_000
            await write(_head(HTML, length=len(data)) + data)
        case "charset":
            data = ("<p>" + "日本語" * 500_000).encode("utf-16")
            await write(_head("Content-Type: text/html; charset=utf-7\r\n", length=len(data)) + data)
        case "png":
            await write(_head("Content-Type: image/png\r\n", length=None) + b"\x89PNG\r\n\x1a\n")
            while True:
                await write(bytes(60_000))


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
