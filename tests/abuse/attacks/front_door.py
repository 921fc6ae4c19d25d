"""Connections and heads of requests."""

import asyncio
import itertools
from contextlib import suppress
from functools import partial

from tests.abuse.enemy import CHAT, Enemy


async def half_open_connections(enemy: Enemy) -> None:
    """Eleven hundred connections that say nothing."""

    async def one() -> None:
        with suppress(OSError):
            async with enemy.connection() as (reader, _):
                await reader.read(1)

    await enemy.many(1100, one, 1100)


async def connections_in_a_loop(enemy: Enemy) -> None:
    """Connections that are opened and reset as fast as possible."""

    async def one() -> None:
        with suppress(OSError):
            async with enemy.connection():
                pass

    await enemy.many(20_000, one, 20)


async def slow_headers(enemy: Enemy) -> None:
    """Five hundred heads that arrive byte by byte."""

    async def one() -> None:
        with suppress(OSError):
            async with enemy.connection() as (_, writer):
                for byte in itertools.cycle(b"GET /health HTTP/1.1\r\nX: "):
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.2)

    await enemy.many(500, one, 500)


async def long_content_length(enemy: Enemy) -> None:
    """Lengths of 5,000 digits, negative ones, and several that disagree."""
    for length in ("9" * 5000, "-1", "1\r\nContent-Length: 2", "0x10", "1e9", "+5", "٣"):
        await enemy.many(10, partial(enemy.exchange, enemy.head(CHAT, length)))


async def large_headers(enemy: Enemy) -> None:
    """Headers of 60 kB, of 70 kB, and without end."""
    for size in (60_000, 70_000, 5_000_000):
        await enemy.many(20, partial(enemy.exchange, enemy.head("/health", 0, "X: " + "x" * size)))


async def thousands_of_headers(enemy: Enemy) -> None:
    """Heads with thousands of short lines."""
    lines = [f"a{n}: b" for n in range(6000)]
    await enemy.many(200, lambda: enemy.exchange(enemy.head("/health", 0, *lines, method="GET")), 20)


async def long_paths(enemy: Enemy) -> None:
    """Paths and queries of 60 kB with every kind of encoding."""
    for text in ("%00" * 20_000, "../" * 20_000, "%2e%2e%2f" * 6000, "a" * 60_000, "%F0%9F%98%80" * 5000):
        for path in (f"/api/files/{text}", f"/api/conversations?q={text}", f"/{text}"):
            await enemy.exchange(enemy.head(path, 0, method="GET"))


async def pipelined_requests(enemy: Enemy) -> None:
    """Fifty thousand requests on one connection, whose answers are not read."""
    one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"

    async def flood() -> None:
        with suppress(OSError):
            async with enemy.connection() as (_, writer):
                writer.write(one * 50_000)
                await writer.drain()
                await asyncio.sleep(60)

    await enemy.many(4, flood, 4)


async def pipelined_and_read(enemy: Enemy) -> None:
    """Endless requests for /health on eight connections, whose answers are read."""
    one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50

    async def flood() -> None:
        with suppress(OSError):
            async with enemy.connection() as (reader, writer):
                while True:
                    writer.write(one)
                    await writer.drain()
                    await reader.read(1 << 16)

    await enemy.many(8, flood, 8)


async def requests_of_garbage(enemy: Enemy) -> None:
    """Bytes that are no HTTP: TLS, HTTP/2, SMTP, random ones."""
    openings = (b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"EHLO x\r\n", bytes(range(256)) * 50)
    for opening in openings:
        await enemy.many(50, partial(enemy.exchange, opening, 1))


async def smuggled_requests(enemy: Enemy) -> None:
    """Bodies with both a length and chunks, and chunks with wrong sizes."""
    heads = ("Transfer-Encoding: chunked", "Transfer-Encoding : chunked", "Transfer-Encoding: xchunked, chunked")
    for head in heads:
        for body in (
            b"0\r\n\r\nGET /health HTTP/1.1\r\n\r\n",
            b"ffffffffffffffff\r\n",
            b"-1\r\n",
            b"5;" + b"x" * 50_000,
        ):
            await enemy.exchange(enemy.head(CHAT, 5, head) + body, 1)


async def endless_chunk_extensions(enemy: Enemy) -> None:
    """A chunk whose extension never ends, and trailers that never end."""

    async def one(opening: bytes) -> None:
        with suppress(OSError):
            async with enemy.connection() as (_, writer):
                writer.write(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
                writer.write(opening)
                while True:
                    writer.write(b"x" * 50_000)
                    await writer.drain()

    await asyncio.gather(*(one(opening) for opening in (b"5;a=", b"0\r\nX: ", b"1\r\na\r\n0\r\nA") for _ in range(3)))


async def flood_of_health_checks(enemy: Enemy) -> None:
    """Requests without a login, as fast as possible."""
    await enemy.many(20_000, lambda: enemy.get("/health"), 50)


async def flood_of_unknown_paths(enemy: Enemy) -> None:
    """Requests for nothing, as fast as possible, also for the documentation."""
    paths = itertools.cycle(("/nothing", "/openapi.json", "/docs", "/%ff", "/v1/models"))
    await enemy.many(20_000, lambda: enemy.get(next(paths)), 50)


async def expectations(enemy: Enemy) -> None:
    """Bodies that wait for `100 Continue` and are never sent."""

    async def one() -> None:
        with suppress(OSError):
            async with enemy.connection() as (reader, writer):
                writer.write(enemy.head(CHAT, 1000, "Expect: 100-continue"))
                await writer.drain()
                await reader.read(100)
                await asyncio.sleep(60)

    await enemy.many(300, one, 300)
