"""The attacker: an ordinary user with an ordinary user's limits, who knows the API well."""

import asyncio
import inspect
import itertools
import json
import textwrap
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.abuse.site import Site

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CHAT = "/v1/chat/completions"


@dataclass
class Enemy:
    """One user during one attack. What the service answers is counted, never raised."""

    port: int
    token: str
    http: httpx.AsyncClient
    site: Site
    answers: Counter[str] = field(default_factory=Counter)
    """By status, or by the kind of error."""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def send(self, method: str, path: str, **given: Any) -> httpx.Response | None:
        """The response, or None if there was none."""
        try:
            answer = await self.http.request(method, path, **given)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.answers[type(error).__name__] += 1
            return None
        self.answers[str(answer.status_code)] += 1
        return answer

    async def post(self, path: str, body: Any = None, **given: Any) -> dict[str, Any]:
        """The JSON object of the answer, empty if there is none."""
        answer = await self.send("POST", path, **({"json": body} if body is not None else {}), **given)
        if answer is None or not answer.headers.get("content-type", "").startswith("application/json"):
            return {}
        told: dict[str, Any] = answer.json()
        return told

    async def get(self, path: str, **given: Any) -> httpx.Response | None:
        return await self.send("GET", path, **given)

    async def chat(self, content: Any = "hi", **fields: Any) -> dict[str, Any]:
        return await self.post(CHAT, {"model": "chat", "messages": [{"role": "user", "content": content}], **fields})

    async def raw_body(self, path: str, body: bytes | AsyncIterator[bytes], kind: str = "application/json") -> None:
        """Send a body as it is."""
        await self.send("POST", path, content=body, headers={"Content-Type": kind})

    async def upload(self, *files: tuple[str, bytes]) -> list[str]:
        """The names under which the files were stored."""
        parts = [("files", (name, data, "application/octet-stream")) for name, data in files]
        told = await self.post("/api/upload", files=parts)
        return [file["name"] for file in told.get("files", [])]

    async def analyze(self, *files: tuple[str, bytes]) -> None:
        """Upload the files and have each read."""
        names = await self.upload(*files)
        await asyncio.gather(*(self.tool("file_analyzer", filename=name) for name in names))

    async def tool(self, name: str, session: str | None = None, **given: Any) -> dict[str, Any]:
        return await self.post(f"/api/tools/{name}", {"input": given, "session_id": session})

    async def cell(self, code: str, session: str | None = None, *, plain: bool = False) -> str | None:
        """Run a cell in a session, which is returned; None: it could not be run. The value of its last line is only
        shown with `plain`; otherwise it is hidden from the check of the source.
        """
        hidden = f"exec(bytes.fromhex('{code.encode().hex()}'), globals())"
        told = await self.tool("python_coder", session, code=code if plain else hidden)
        if isinstance(error := told.get("error"), str):
            self.answers[f"cell: {_summary(error)}"] += 1
        return told.get("session_id")

    async def cells(self, code: str, *, sessions: int = 4, rounds: int = 1000, plain: bool = False) -> None:
        """Run a cell in several sessions, four at a time as the user may, and again until the time is up."""
        queue = itertools.islice(itertools.cycle(range(sessions)), sessions * rounds)
        known: dict[int, str | None] = {}

        async def worker() -> None:
            for number in queue:
                session = await self.cell(code, known.get(number), plain=plain)
                known[number] = session or known.get(number)
                if session is None:
                    await asyncio.sleep(0.2)

        await asyncio.gather(*(worker() for _ in range(4)))

    async def connect(self) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def exchange(self, data: bytes, seconds: float = 3) -> bytes:
        """The beginning of what is answered to these bytes on a connection of their own."""
        try:
            async with asyncio.timeout(seconds), self.connection() as (reader, writer):
                writer.write(data)
                await writer.drain()
                told = await reader.read(4000)
        except (OSError, TimeoutError) as error:
            self.answers[type(error).__name__] += 1
            return b""
        self.answers[told[9:12].decode("latin-1") or "closed"] += 1
        return told

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Streams]:
        """A connection that is reset at the end of the block."""
        reader, writer = await self.connect()
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    def head(self, path: str, length: int | str, *lines: str, method: str = "POST") -> bytes:
        """The head of a request with a body."""
        given = (f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.token}", *lines)
        return "\r\n".join((*given, "Content-Type: application/json", f"Content-Length: {length}", "", "")).encode()

    async def many(self, number: int, work: Callable[[], Any], at_once: int = 50) -> None:
        """Do it so many times, several at once; refused and broken connections are ignored."""
        gate = asyncio.Semaphore(at_once)

        async def one() -> None:
            async with gate:
                with suppress(WebSocketException, OSError):
                    await work()

        await asyncio.gather(*(one() for _ in range(number)))

    @asynccontextmanager
    async def websocket(self) -> AsyncIterator[ClientConnection]:
        """Raises WebSocketException or OSError, which are counted, if it is refused or breaks."""
        url = f"ws://127.0.0.1:{self.port}/api/ws"
        try:
            async with connect(url, additional_headers=self.headers, max_size=None, close_timeout=1) as socket:
                try:
                    yield socket
                finally:
                    socket.transport.abort()
        except (WebSocketException, OSError) as error:
            self.answers[type(error).__name__] += 1
            raise

    async def stream(self, body: dict[str, Any], *, bytes_per_second: float = 0, seconds: float = 60) -> None:
        """Ask for a stream and read so much of it; 0: nothing."""
        data = json.dumps({**body, "stream": True}).encode()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds), self.connection() as (reader, writer):
                writer.write(self.head(CHAT, len(data)) + data)
                await writer.drain()
                while True:
                    await asyncio.sleep(1)
                    if bytes_per_second and not await reader.read(int(bytes_per_second)):
                        return


def _summary(error: str) -> str:
    """The last line of a traceback, or the beginning of a sentence."""
    return error.strip().splitlines()[-1][:60].replace("|", " ")


def source(program: Callable[[], object], *helpers: Callable[..., object]) -> str:
    """The functions as the text of a cell that calls the first."""
    texts = [textwrap.dedent(inspect.getsource(function)) for function in (*helpers, program)]
    return "\n".join(["from __future__ import annotations", *texts, f"{program.__name__}()"])


def messages(*texts: str) -> Sequence[dict[str, str]]:
    """A conversation, the person first."""
    roles = itertools.cycle(("user", "assistant"))
    return [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]


@asynccontextmanager
async def enemy(port: int, token: str, site: Site) -> AsyncIterator[Enemy]:
    """An attacker; everything that is under way is given up at the end of the block."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, timeout=60, limits=limits
    ) as http:
        yield Enemy(port, token, http, site)
