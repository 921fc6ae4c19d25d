"""Connections without a request, and requests that take too much, over real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from api.connections import ConnectionGuard, GuardedConfig
from api.json_text import MAX_VALUES, count_values
from api.loop_watch import LoopWatch
from api.server import listen
from api.settings.server import ServerSettings
from tests.serving import Service, until

Start = Callable[..., AbstractAsyncContextManager[Service]]
HELLO = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Door:
    """A server that answers every request with `hello`, once `open` is set."""

    def __init__(self, guard: ConnectionGuard) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.requests = 0
        self._socket = listen(ServerSettings(port=0))
        self.port = self._socket.getsockname()[1]
        config = GuardedConfig(self._answer, guard, interface="asgi3", log_config=None, lifespan="off")
        self._server = uvicorn.Server(config)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        await self.open.wait()
        await PlainTextResponse("hello")(scope, receive, send)

    async def serve(self) -> None:
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        self._server.should_exit = True

    async def connect(self) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self.port)


@asynccontextmanager
async def door(guard: ConnectionGuard) -> AsyncIterator[Door]:
    made = Door(guard)
    serving = asyncio.create_task(made.serve())
    try:
        yield made
    finally:
        made.open.set()
        made.stop()
        await serving


async def answer(streams: Streams, data: bytes = HELLO) -> bytes:
    reader, writer = streams
    with suppress(ConnectionError):
        writer.write(data)
        await writer.drain()
        return await asyncio.wait_for(reader.read(2000), 10)
    return b""


async def close(*connections: Streams) -> None:
    for _, writer in connections:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("beginning", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nA: "], ids=range(3))
async def test_a_connection_without_a_request_is_closed_in_time(beginning: bytes) -> None:
    async with door(ConnectionGuard(100, header_seconds=0.3)) as front:
        fresh, used = await front.connect(), await front.connect()
        assert b"hello" in await answer(used)
        for streams in (fresh, used):
            told = await answer(streams, beginning)
            assert told.startswith(b"HTTP/1.1 408 ") or told == b""
            assert await streams[0].read() == b""
        await close(fresh, used)


async def test_a_header_that_drips_gets_no_more_time() -> None:
    async with door(ConnectionGuard(100, header_seconds=0.4)) as front:
        reader, writer = await front.connect()
        writer.write(b"GET / HTTP/1.1\r\nA: ")

        async def drip() -> None:
            with suppress(ConnectionError):
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        began = time.monotonic()
        assert b"408" in await asyncio.wait_for(reader.read(), 5)
        assert time.monotonic() - began < 3
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        await close((reader, writer))


async def test_an_address_keeps_a_limited_number_of_waiting_connections() -> None:
    async with door(ConnectionGuard(100, waiting_per_address=5)) as front:
        front.open.clear()
        busy = await front.connect()
        running = asyncio.create_task(answer(busy))
        await until(lambda: front.requests == 1)
        waiting = [await front.connect() for _ in range(20)]
        assert await asyncio.wait_for(waiting[0][0].read(), 5) == b""
        front.open.set()
        assert b"hello" in await running
        assert b"hello" in await answer(waiting[-1])
        await close(busy, *waiting)


async def test_when_all_places_are_taken_new_connections_are_told() -> None:
    async with door(ConnectionGuard(3)) as front:
        front.open.clear()
        busy = [await front.connect() for _ in range(3)]
        running = [asyncio.create_task(answer(streams)) for streams in busy]
        await until(lambda: front.requests == 3)
        late = await front.connect()
        assert (await answer(late)).startswith(b"HTTP/1.1 503 ")
        front.open.set()
        assert all(b"hello" in told for told in await asyncio.gather(*running))
        # Those that wait give up their places.
        again = await front.connect()
        assert b"hello" in await answer(again)
        await close(late, again, *busy)


async def test_headers_have_a_size() -> None:
    async with door(ConnectionGuard(100)) as front:
        streams = await front.connect()
        told = await answer(streams, b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 200_000)
        assert told.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 ")) or told == b""
        assert front.requests == 0
        await close(streams)


async def test_header_lines_have_a_number() -> None:
    async with door(ConnectionGuard(100)) as front:
        streams = await front.connect()
        told = await answer(streams, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 2000 + b"\r\n")
        assert told.startswith(b"HTTP/1.1 431 ")
        assert front.requests == 0
        await close(streams)


async def test_some_requests_may_be_sent_ahead_and_no_more() -> None:
    """Regression: thousands arrived in one piece of data, which blocked the event loop while they were parsed."""
    async with door(ConnectionGuard(100)) as front:
        reader, writer = await front.connect()
        writer.write(HELLO * 10)
        for _ in range(10):
            await reader.readuntil(b"hello")
        flood = await front.connect()
        flood[1].write(HELLO * 5000)
        with suppress(ConnectionError):
            await asyncio.wait_for(flood[0].read(), 5)
        assert front.requests < 1000
        await close((reader, writer), flood)


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("opening", [b"5;a=", b"0\r\nX: ", b"1\r\na\r\n0\r\nA"], ids=["extension", "trailer", "name"])
async def test_regression_what_surrounds_chunks_had_no_size(opening: bytes) -> None:
    """Only the body itself has a limit, and waits when it is not read."""
    async with door(ConnectionGuard(100)) as front:
        front.open.clear()
        streams = await front.connect()
        told = await answer(streams, CHUNKED + opening + b"x" * 300_000)
        assert told.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")) or told == b""
        with suppress(ConnectionError):  # closed at once: it may still send
            await asyncio.wait_for(streams[0].read(), 5)
        await close(streams)


async def test_small_chunks_are_a_body_but_not_single_bytes_for_ever() -> None:
    async with door(ConnectionGuard(100)) as front:
        streams = await front.connect()
        assert b"hello" in await answer(streams, CHUNKED + b"10\r\n0123456789abcdef\r\n" * 20_000 + b"0\r\n\r\n")
        front.open.clear()
        drips = await front.connect()
        assert (await answer(drips, CHUNKED + b"1\r\nx\r\n" * 100_000)).startswith(b"HTTP/1.1 400 ")
        await close(streams, drips)


async def raw(service: Service, request: bytes) -> bytes:
    host, _, port = service.url.removeprefix("http://").partition(":")
    streams = await asyncio.open_connection(host, int(port))
    told = await answer(streams, request)
    await close(streams)
    return told


@pytest.mark.parametrize("digits", ["9" * 5000, "9" * 30, "1" + "0" * 12])
async def test_regression_a_length_of_many_digits_was_an_internal_error(service: Service, digits: str) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {digits}\r\n\r\n"
    told = await raw(service, head.encode())
    assert told.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 400 "))


async def test_regression_a_body_over_the_limit_was_answered_with_a_reset(start: Start) -> None:
    async def chunks(number: int) -> AsyncIterator[bytes]:
        for _ in range(number):
            yield bytes(1 << 20)

    async with start(max_body_mb=4) as service:
        for path, size in (("/v1/chat/completions", 30), ("/api/auth/login", 3)):
            kind = {"content-type": "application/json"}
            declared = await service.http.post(path, content=bytes(size << 20), headers=kind)
            chunked = await service.http.post(path, content=chunks(size), headers=kind)
            for told in (declared, chunked):
                assert (told.status_code, told.json()["error"]["code"]) == (413, "body_too_large")
                assert told.headers["connection"] == "close"


BODIES = {
    "keys": json.dumps({str(n): 0 for n in range(1_500_000)}),
    "empty lists": "[" + "[]," * 3_000_000 + "0]",
    "messages": json.dumps({"messages": [{"role": "user", "content": "x"}] * 300_000}),
    "deep": "[" * 5_000_000,
    "quotes": '"' + '\\"' * 5_000_000 + '"',
}


async def _longest_wait(service: Service, attack: Callable[[], Awaitable[Any]]) -> float:
    """The longest time in seconds that somebody else waits for `/health` during the attack."""
    attacking = asyncio.ensure_future(attack())
    longest = 0.0
    while not attacking.done():
        began = time.monotonic()
        await service.http.get("/health")
        longest = max(longest, time.monotonic() - began)
    await attacking
    return longest


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
async def test_regression_many_values_in_a_body_stopped_everybody(service: Service, path: str, name: str) -> None:
    body = BODIES[name].encode()

    async def attack() -> None:
        told = await service.http.post(path, content=body, headers={"content-type": "application/json"})
        assert told.status_code == 400

    assert await _longest_wait(service, attack) < 1.0


@pytest.mark.parametrize("text", ['a"b', "a\\", '\\"', "x,y:[{", "\\\\" * 3], ids=range(5))
def test_only_separators_outside_of_strings_count(text: str) -> None:
    body = json.dumps({"a": [text, {text: 1}], text: None})
    for size in (1, 2, 3, 1 << 20):
        padded = (" " * (size % 7) + body).encode()
        assert count_values(padded) == 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1
    assert count_values(b"[" + b"0," * MAX_VALUES + b"0]") == MAX_VALUES + 1


async def test_a_field_of_a_form_has_no_more_values_than_a_body(start: Start) -> None:
    """Regression: three million keys in the field `messages` were parsed on the event loop, for ten seconds."""
    many = "[" + "0," * MAX_VALUES + "0]"
    async with start() as service:
        for form in ({"files": {"messages": (None, many)}}, {"data": {"messages": many}}):
            answer = await service.http.post("/v1/chat/completions", **form)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["param"]) == (400, "body_too_complex", "messages")


async def test_a_client_s_large_bodies_are_limited_together(start: Start) -> None:
    """Two bodies of the maximum size may be on their way; a third is refused, and a small one is served."""
    async with start(max_body_mb=3, upload_idle_seconds=20) as service:
        host, _, port = service.url.removeprefix("http://").partition(":")
        size = 3 << 20
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode()
        slow = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
        for _, writer in slow:
            writer.write(head + b" " * (size - 10))
            await writer.drain()

        async def third() -> int:
            told = await service.http.post(
                "/v1/chat/completions", content=b" " * (size - 10), headers={"content-type": "application/json"}
            )
            return told.status_code

        app: Any = service.server.config.app
        memory = app.state.services.body_memory
        await until(lambda: memory.held == 2 * (size - 10))
        assert await third() == 429
        assert (await service.http.post("/v1/chat/completions", json={})).status_code == 400
        await close(*slow)


async def test_a_blocked_loop_is_counted_and_its_stack_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    watch = LoopWatch()
    watch.start()
    try:
        await asyncio.sleep(0.2)
        time.sleep(0.4)  # noqa: ASYNC251 (this is what it has to notice)
        await asyncio.sleep(0.1)
    finally:
        await watch.aclose()
    assert watch.blocked >= 1
    assert watch.longest > 0.2
    assert "time.sleep(0.4)" in caplog.text
