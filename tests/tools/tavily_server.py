"""A server in place of Tavily's: it validates requests like the real one, and fails on request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse, Response

from api.server import listen
from api.settings.server import ServerSettings
from tests.serving import until

KEY = "tvly-secret-key-for-tests"
RANGES = (None, "day", "week", "month", "year")


@dataclass
class Tavily:
    """The running server. `results` is what every search finds; `fail` makes the next searches fail."""

    url: str
    results: list[dict[str, Any]] = field(default_factory=list)
    fail: str | int | None = None
    """A status, or `hang`, `html`, `list`, `nonsense`, `redirect`."""
    asked: list[dict[str, Any]] = field(default_factory=list)


def result(title: str, url: str, content: str, score: float = 0.9) -> dict[str, Any]:
    """A result in Tavily's format."""
    return {"title": title, "url": url, "content": content, "score": score, "raw_content": None}


BROKEN: dict[str, Any] = {
    "html": Response("<html>bad gateway", media_type="text/html"),
    "list": JSONResponse([1, 2]),
    "nonsense": JSONResponse({"results": [{"title": 7}]}),
    "redirect": Response(status_code=302, headers={"location": "http://127.0.0.1:1/"}),
}


def _app(tavily: Tavily) -> FastAPI:
    app = FastAPI()

    @app.post("/search")
    async def search(request: Request, authorization: str = Header("")) -> Response:
        body = await request.json()
        tavily.asked.append(body)
        if authorization != f"Bearer {KEY}":
            said = f"Unauthorized: missing or invalid API key ({authorization.removeprefix('Bearer ')})."
            return JSONResponse({"detail": {"error": said}}, 401)
        if tavily.fail == "hang":
            while (await request.receive())["type"] != "http.disconnect":
                pass
        if isinstance(tavily.fail, int):
            return JSONResponse({"detail": {"error": f"It failed for {KEY}."}}, tavily.fail)
        if tavily.fail in BROKEN:
            broken: Response = BROKEN[tavily.fail]
            return broken
        if problem := _problem(body):
            return JSONResponse({"detail": {"error": problem}}, 400)
        results = tavily.results[: body.get("max_results", 5)]
        return JSONResponse({"query": body["query"], "answer": None, "results": results, "response_time": 0.1})

    return app


def _problem(body: dict[str, Any]) -> str | None:
    checks = {
        "query": isinstance(body.get("query"), str) and 0 < len(body["query"]) <= 400,
        "search_depth": body.get("search_depth", "basic") in ("basic", "advanced"),
        "topic": body.get("topic", "general") in ("general", "news", "finance"),
        "time_range": body.get("time_range") in RANGES,
        "days": "days" not in body or body.get("topic") == "news",
        "max_results": 0 <= body.get("max_results", 5) <= 20,
    }
    return next((f"Invalid {name}." for name, fine in checks.items() if not fine), None)


@asynccontextmanager
async def tavily_server() -> AsyncIterator[Tavily]:
    """Serve on a free port of 127.0.0.1 until the block ends; use its `url` as TAVILY_BASE_URL."""
    with listen(ServerSettings(port=0)) as sock:
        tavily = Tavily(f"http://127.0.0.1:{sock.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(_app(tavily), log_config=None, access_log=False, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            await until(lambda: server.started)
            yield tavily
        finally:
            server.should_exit = server.force_exit = True
            await serving
