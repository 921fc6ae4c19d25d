"""A scripted model server that behaves well or badly, with OpenAI's protocol and with Ollama's."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from tests.tools.web.certificate import self_signed

Kind = Literal["openai", "ollama"]
WINDOW = 4096


class Reply:
    """One reply in progress, sent piece by piece."""

    def __init__(self, kind: Kind, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        self.kind = kind
        self.body = body
        self._writer = writer

    async def raw(self, data: bytes) -> None:
        self._writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self._writer.drain()

    async def begin(self) -> None:
        mime = "text/event-stream" if self.kind == "openai" else "application/x-ndjson"
        self._writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        await self._writer.drain()

    async def error_within(self, words: str) -> None:
        """During a stream that began well."""
        await self.frame({"error": words if self.kind == "ollama" else {"message": words, "type": "bad", "code": None}})
        await self.close()

    async def error(self, status: int, words: str, retry_after: str = "") -> None:
        told = {"error": {"message": words, "type": "bad", "code": None} if self.kind == "openai" else words}
        data = json.dumps(told).encode()
        head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        head += f"Retry-After: {retry_after}\r\n\r\n" if retry_after else "\r\n"
        self._writer.write(head.encode() + data)
        await self._writer.drain()

    async def frame(self, frame: dict[str, Any]) -> None:
        text = json.dumps(frame)
        await self.raw(f"data: {text}\n\n".encode() if self.kind == "openai" else f"{text}\n".encode())

    async def delta(self, **delta: Any) -> None:
        if self.kind == "openai":
            await self.frame(_chunk([{"index": 0, "delta": delta, "finish_reason": None}]))
        else:
            message = {"role": "assistant", "content": "", **delta}
            await self.frame({"model": self.body["model"], "message": message, "done": False})

    async def text(self, text: str) -> None:
        await self.delta(content=text)

    async def end(self) -> None:
        if self.kind == "openai":
            await self.frame(_chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
            if self.body.get("stream_options"):
                usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
                await self.frame(_chunk([]) | {"usage": usage})
            await self.raw(b"data: [DONE]\n\n")
        else:
            counts = {"prompt_eval_count": 7, "eval_count": 3}
            message = {"role": "assistant", "content": ""}
            done = {"model": self.body["model"], "message": message, "done": True, "done_reason": "stop"}
            await self.frame(done | counts)
        await self.close()

    async def close(self) -> None:
        """The response ends properly for HTTP, whatever is missing in it."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def drop(self) -> None:
        self._writer.transport.abort()


Behave = Callable[[Reply], Awaitable[None]]


def _chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": choices}


def say(*pieces: str, thought: str = "", field: str = "reasoning_content", pause: float = 0) -> Behave:
    async def behave(reply: Reply) -> None:
        await reply.begin()
        if thought:
            await reply.delta(**{field if reply.kind == "openai" else "thinking": thought})
        for piece in pieces:
            await asyncio.sleep(pause)
            await reply.text(piece)
        await reply.end()

    return behave


def fail(status: int, words: str = "overloaded", retry_after: str = "") -> Behave:
    async def behave(reply: Reply) -> None:
        await reply.error(status, words, retry_after)

    return behave


def refuse_when(field: str, words: str, otherwise: Behave, status: int = 400) -> Behave:
    """An error for requests with this field."""

    async def behave(reply: Reply) -> None:
        await (fail(status, words) if field in reply.body else otherwise)(reply)

    return behave


def drop(*pieces: str) -> Behave:
    """Break off after these pieces; without any, before the first byte."""

    async def behave(reply: Reply) -> None:
        if pieces:
            await reply.begin()
        for piece in pieces:
            await reply.text(piece)
        reply.drop()

    return behave


def send(*data: bytes) -> Behave:
    """These bytes as the body, with a proper end."""

    async def behave(reply: Reply) -> None:
        await reply.begin()
        for part in data:
            await reply.raw(part)
        await reply.close()

    return behave


def hang(*pieces: str) -> Behave:
    """Send nothing more after these pieces."""

    async def behave(reply: Reply) -> None:
        if pieces:
            await reply.begin()
        for piece in pieces:
            await reply.text(piece)
        await asyncio.Event().wait()

    return behave


class ModelServer:
    """Behaves as in `script`, one item per request that the model answers; the last item is kept."""

    def __init__(self, kind: Kind) -> None:
        self.kind: Kind = kind
        self.script: list[Behave] = [say("hello")]
        self.chats: list[dict[str, Any]] = []
        """Bodies of the requests for chats and for continued text."""
        self.headers: list[str] = []
        self.others: list[tuple[str, dict[str, Any]]] = []
        self.models = ["tiny:latest", "other:latest"]
        self.capabilities = ["completion", "tools"]
        self.pulls: list[bytes] = []
        self.open = 0
        """Chat requests in progress."""
        self.parameters = ""
        """Of the Modelfile."""
        self.port = 0
        self.scheme = "http"
        self.suffix: str | None = None
        """The end of the URL; None: the correct one."""
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        suffix = ("/v1" if self.kind == "openai" else "") if self.suffix is None else self.suffix
        return f"{self.scheme}://127.0.0.1:{self.port}{suffix}"

    async def start(self) -> None:
        """Listen, on the same port as before if it has listened before."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def start_tls(self, folder: Path) -> None:
        """Listen again, with an untrusted certificate."""
        await self.stop()
        self.scheme = "https"
        context, _ = self_signed("localhost", folder)
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, ssl=context)

    async def stop(self) -> None:
        """Crash: every connection breaks."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._server = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    await self._request(reader, writer)
        finally:
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        if first == b"\x16":  # a TLS handshake
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
            raise ConnectionError
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        data = await reader.readexactly(int(lines.get("content-length", 0)))
        path, body = head.split(" ")[1], json.loads(data or b"{}")
        if path in ("/v1/chat/completions", "/api/chat", "/v1/completions", "/api/generate"):
            self.headers.append(head)
            await self._chat(body, reader, writer)
            return
        if data:
            self.others.append((path, body))
        status, answer = self._answer(path, body)
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
        writer.write(head.encode() + answer)
        await writer.drain()

    def _answer(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        known = [name.removesuffix(":latest") for name in self.models]
        match path:
            case "/v1/models":
                data = [{"id": name, "object": "model", "max_model_len": WINDOW} for name in self.models]
                return 200, json.dumps({"object": "list", "data": data}).encode()
            case "/api/tags":
                return 200, json.dumps({"models": [{"name": name} for name in self.models]}).encode()
            case "/api/show" if body["model"].removesuffix(":latest") in known:
                told = {
                    "capabilities": self.capabilities,
                    "model_info": {"qwen2.context_length": 32768},
                    "parameters": self.parameters,
                }
                return 200, json.dumps(told).encode()
            case "/api/pull" if self.pulls:
                self.models.append(body["model"])
                return 200, b"".join(self.pulls)
        return 404, b'{"error": "not found"}'

    async def _chat(self, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.chats.append(body)
        behave = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        answering = asyncio.ensure_future(behave(Reply(self.kind, body, writer)))
        leaving = asyncio.create_task(reader.read(1))
        self.open += 1
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.open -= 1
            for task in (answering, leaving):
                task.cancel()
            done = await asyncio.gather(answering, leaving, return_exceptions=True)
        if isinstance(done[0], BaseException):
            raise ConnectionError


@asynccontextmanager
async def model_server(kind: Kind) -> AsyncIterator[ModelServer]:
    server = ModelServer(kind)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
