"""WebSockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

from websockets.exceptions import WebSocketException

from tests.abuse.enemy import Enemy

SEND = {"type": "send", "request": {"model": "chat", "messages": [{"role": "user", "content": "slow 2000"}]}}


async def messages_of_15_mb(enemy: Enemy) -> None:
    """Twenty messages of 15 MB on four sockets."""
    text = json.dumps({"type": "send", "request": {"messages": [{"role": "user", "content": "x" * (15 << 20)}]}})

    async def one() -> None:
        async with enemy.websocket() as socket:
            for _ in range(5):
                await socket.send(text)
            await socket.recv()

    await enemy.many(4, one, 4)


async def values_of_a_message(enemy: Enemy) -> None:
    """Messages with millions of values and lists."""
    bombs = ("[" + "0," * 5_000_000 + "0]", "[" * 10_000_000, json.dumps({str(n): 0 for n in range(190_000)}))

    async def one() -> None:
        async with enemy.websocket() as socket:
            for bomb in bombs * 3:
                await socket.send(bomb)
                await socket.recv()

    await enemy.many(4, one, 4)


async def five_hundred_sockets(enemy: Enemy) -> None:
    """Five hundred open sockets that say nothing."""

    async def one() -> None:
        async with enemy.websocket():
            await asyncio.sleep(60)

    await enemy.many(500, one, 100)


async def sockets_that_do_not_read(enemy: Enemy) -> None:
    """Sockets with turns whose frames are never read."""

    async def one() -> None:
        async with enemy.websocket() as socket:
            socket.transport.pause_reading()
            for _ in range(30):
                request = {"model": "chat", "messages": [{"role": "user", "content": "say 200000"}]}
                await socket.send(json.dumps({"type": "send", "request": request}))
            await asyncio.sleep(60)

    await enemy.many(4, one, 4)


async def flood_of_messages(enemy: Enemy) -> None:
    """Wrong messages as fast as possible."""

    async def one() -> None:
        async with enemy.websocket() as socket:
            while True:
                await asyncio.gather(*(socket.send("{}") for _ in range(20)))
                for _ in range(20):
                    await socket.recv()

    await enemy.many(8, one, 8)


async def flood_of_pings(enemy: Enemy) -> None:
    """Pings and tiny fragments without end."""

    async def pings() -> None:
        async with enemy.websocket() as socket:
            while True:
                await socket.ping()
                await asyncio.sleep(0)

    async def fragments() -> None:
        async with enemy.websocket() as socket:

            async def pieces() -> AsyncIterator[str]:
                while True:
                    yield ""
                    await asyncio.sleep(0)

            await socket.send(pieces())

    await asyncio.gather(enemy.many(2, pings), enemy.many(2, fragments))


async def frames_by_hand(enemy: Enemy) -> None:
    """Frames that are not masked, of 2^63 bytes, of reserved kinds."""
    upgrade = (
        "GET /api/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Authorization: Bearer {enemy.token}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    for frame in (
        b"\x81\x05hello",
        b"\x81\xff" + b"\x7f" + b"\xff" * 7 + bytes(4),
        b"\xff\x80" + bytes(4),
        b"\x88\x80" * 9,
    ):
        await enemy.exchange(upgrade + frame, 1)


async def compressed_bomb(enemy: Enemy) -> None:
    """Messages that are small when compressed."""

    async def one() -> None:
        async with enemy.websocket() as socket:
            for _ in range(20):
                await socket.send(" " * (60 << 20))
                await socket.recv()

    await enemy.many(4, one, 4)


async def sockets_that_leave(enemy: Enemy) -> None:
    """Sockets that start turns and close at once."""

    async def one() -> None:
        async with enemy.websocket() as socket:
            for _ in range(5):
                await socket.send(json.dumps(SEND))
            with suppress(WebSocketException):
                socket.transport.abort()

    await enemy.many(200, one, 10)
