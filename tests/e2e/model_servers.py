"""The embedded weights in llama.cpp's own server, with an Ollama in front. Prints the addresses and serves.

`python -m tests.e2e.model_servers PORT` only serves llama.cpp's, with a small context window, on that port (0: a free
one).
"""

import json
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import uvicorn
import xllamacpp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from api.server import listen
from api.settings.server import ServerSettings
from llm import catalog

MODEL = "qwen"
WINDOW = 8192
SMALL_WINDOW = 512
OPTIONS = {"num_predict": "max_tokens", "temperature": "temperature", "top_p": "top_p", "seed": "seed", "stop": "stop"}


class Ollama:
    """Ollama's protocol in front of OpenAI's: chat, streamed or not, tools, formats, omitted thoughts, embeddings."""

    def __init__(self, url: str, embedding_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=600)
        self._embedding_url = embedding_url

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/tags", self.tags),
                Route("/api/show", self.show, methods=["POST"]),
                Route("/api/chat", self.chat, methods=["POST"]),
                Route("/api/embed", self.embed, methods=["POST"]),
            ]
        )

    async def tags(self, _request: Request) -> Response:
        return JSONResponse({"models": [{"name": f"{MODEL}:latest", "digest": "1"}]})

    async def show(self, request: Request) -> Response:
        if (await request.json())["model"].removesuffix(":latest") != MODEL:
            return JSONResponse({"error": "model not found"}, 404)
        told = {"capabilities": ["completion", "tools"], "model_info": {"qwen2.context_length": WINDOW}}
        return JSONResponse(told)

    async def embed(self, request: Request) -> Response:
        body = await request.json()
        answer = await self._http.post(self._embedding_url, json={"model": MODEL, "input": body["input"]})
        return JSONResponse({"embeddings": [one["embedding"] for one in answer.raise_for_status().json()["data"]]})

    async def chat(self, request: Request) -> Response:
        return StreamingResponse(self._lines(await request.json()), media_type="application/x-ndjson")

    async def _lines(self, body: dict[str, Any]) -> AsyncIterator[str]:
        calls: dict[int, dict[str, str]] = {}
        reason, usage = "stop", {"prompt_tokens": 0, "completion_tokens": 0}
        async with self._http.stream("POST", "/v1/chat/completions", json=_asked(body)) as answer:
            if answer.is_error:
                yield json.dumps({"error": (await answer.aread()).decode()}) + "\n"
                return
            async for line in answer.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                chunk = json.loads(line.removeprefix("data: "))
                usage = chunk.get("usage") or usage
                for choice in chunk["choices"]:
                    reason = choice.get("finish_reason") or reason
                    delta = choice["delta"]
                    for piece in delta.get("tool_calls") or []:
                        call = calls.setdefault(piece["index"], {"name": "", "arguments": ""})
                        for name in call:
                            call[name] += piece["function"].get(name) or ""
                    if delta.get("content"):
                        yield _line({"role": "assistant", "content": delta["content"]})
        made = [{"function": call | {"arguments": json.loads(call["arguments"])}} for call in calls.values()]
        if made:
            yield _line({"role": "assistant", "content": "", "tool_calls": made})
        counts = {"prompt_eval_count": usage["prompt_tokens"], "eval_count": usage["completion_tokens"]}
        ended = "length" if reason == "length" else "stop"
        yield _line({"role": "assistant", "content": ""}, done=True, done_reason=ended, **counts)


def _line(message: dict[str, Any], *, done: bool = False, **more: Any) -> str:
    return json.dumps({"model": MODEL, "message": message, "done": done, **more}) + "\n"


def _asked(body: dict[str, Any]) -> dict[str, Any]:
    options = body.get("options", {})
    asked = {theirs: options[ours] for ours, theirs in OPTIONS.items() if ours in options}
    asked |= {"model": MODEL, "stream": True, "stream_options": {"include_usage": True}}
    asked["messages"] = [_message(message) for message in body["messages"]]
    if body.get("tools"):
        asked["tools"] = body["tools"]
    if body.get("format"):
        schema = {"name": "format", "schema": body["format"]}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    return asked


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """Ollama's calls have objects as arguments and no IDs; the agent makes one call per message."""
    calls = [
        {
            "id": "call",
            "type": "function",
            "function": call["function"] | {"arguments": json.dumps(call["function"]["arguments"])},
        }
        for call in message.get("tool_calls") or []
    ]
    told = {"role": message["role"], "content": message["content"]}
    if message["role"] == "tool":
        told["tool_call_id"] = "call"
    return told | ({"tool_calls": calls} if calls else {})


def start(window: int, parallel: int, *, port: int = 0, embedding: bool = False) -> Any:
    """Serves as long as it is referenced."""
    params = xllamacpp.CommonParams()
    params.model.path = str(catalog.default_path())
    params.model_alias = {MODEL}
    params.n_ctx, params.n_parallel, params.port = window * parallel, parallel, port
    params.hostnames = ["127.0.0.1"]
    params.use_jinja = True
    params.embedding = embedding
    if embedding:
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return xllamacpp.Server(params)


def one(port: int) -> None:
    server = start(SMALL_WINDOW, 2, port=port)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    signal.pause()


def main() -> None:
    servers = start(WINDOW, 2), start(512, 1, embedding=True)
    chat, embedding = (str(server.listening_address) for server in servers)
    with listen(ServerSettings(port=0)) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        sys.stdout.write(json.dumps({"openai": f"{chat}/v1", "embedding": f"{embedding}/v1", "ollama": url}) + "\n")
        sys.stdout.flush()
        app = Ollama(chat, f"{embedding}/v1/embeddings").app()
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[sock])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one(int(sys.argv[1]))
    else:
        main()
