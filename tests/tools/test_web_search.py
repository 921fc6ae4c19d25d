"""Web search over real HTTP: the tool's route, and a server in place of Tavily's."""

import asyncio
import datetime
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import psutil
import pytest
from pydantic import SecretStr

from llm.scripted import ScriptedChat
from tests.serving import Service, until
from tests.tools.tavily_server import KEY, Tavily, result, tavily_server
from tools.errors import ToolFailed
from tools.web import ddgs_search
from tools.web.fetch import Fetcher
from tools.web.queries import Query, SearchError
from tools.web.settings import TavilySettings, WebSettings
from tools.web_search import WebSearch

Start = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
async def tavily() -> AsyncIterator[Tavily]:
    async with tavily_server() as running:
        running.results = [
            result(
                "Rance tidal power station", "https://example.org/rance", "Opened in\n1966, it  makes 500 GWh.", 0.97
            ),
            result("Tides", "https://example.org/tides", "word " * 1000, 0.5),
        ]
        yield running


@asynccontextmanager
async def searching(start: Start, tavily: Tavily, **values: Any) -> AsyncIterator[Service]:
    async with start(**{"tavily_base_url": tavily.url, "tavily_api_key": KEY, **values}) as service:
        yield service


async def search(service: Service, query: str = "rance", **options: Any) -> dict[str, Any]:
    answer = await service.http.post("/api/tools/web_search", json={"input": {"query": query, **options}})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_results_are_trimmed_and_cited(start: Start, tavily: Tavily) -> None:
    async with searching(start, tavily) as service:
        body = await search(service, max_results=2)
    assert body["error"] is None
    assert body["output"].startswith(
        "[1] Rance tidal power station, https://example.org/rance\nOpened in 1966, it makes 500 GWh.\n\n[2] Tides"
    )
    assert body["sources"][0] == {
        **{"kind": "web", "title": "Rance tidal power station", "url": "https://example.org/rance", "page": None},
        **{"heading": None, "position": None, "score": 0.97, "text": "Opened in 1966, it makes 500 GWh."},
    }
    assert len(body["sources"][1]["text"]) <= 800
    assert body["data"] == {"engine": "tavily", "query": "rance"}


async def test_the_options_reach_tavily_as_it_wants_them(start: Start, tavily: Tavily) -> None:
    async with searching(start, tavily) as service:
        await search(service, depth="advanced", topic="news", days=3, max_results=7)
        await search(service, topic="finance", days=3)
        await search(
            service,
            time_range="week",
            include_domains=["https://www.Example.org/", "b.example"],
            exclude_domains="c.example, d.example",
        )
    today = datetime.datetime.now(datetime.UTC).date()
    assert tavily.asked == [
        {"query": "rance", "search_depth": "advanced", "topic": "news", "days": 3, "max_results": 7},
        {
            **{"query": "rance", "search_depth": "basic", "topic": "finance", "max_results": 5},
            "start_date": (today - datetime.timedelta(days=3)).isoformat(),
        },
        {
            **{"query": "rance", "search_depth": "basic", "topic": "general", "max_results": 5, "time_range": "week"},
            **{"include_domains": ["example.org", "b.example"], "exclude_domains": ["c.example", "d.example"]},
        },
    ]


FAILURES: list[tuple[str | int, str]] = [
    (401, "TAVILY_API_KEY"),
    (429, "too many requests"),
    (432, "limit is reached"),
    (433, "limit is reached"),
    (403, "refused the request"),
    (400, "does not accept"),
    (500, "status 500"),
    (503, "status 503"),
    ("redirect", "status 302"),
    ("html", "cannot be parsed"),
    ("list", "cannot be parsed"),
    ("nonsense", "cannot be parsed"),
]


@pytest.mark.parametrize(("failure", "words"), FAILURES, ids=[str(case[0]) for case in FAILURES])
async def test_a_failure_is_told_in_words_and_the_key_never(
    tavily: Tavily, failure: str | int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The server's own message repeats the key here, as some services do."""
    caplog.set_level(logging.DEBUG)
    tavily.fail = failure
    service = TavilySettings(api_key=SecretStr(KEY), base_url=tavily.url)
    tool = WebSearch(fetcher=Fetcher(WebSettings(tavily=service, timeout=5)))
    with pytest.raises(ToolFailed) as error:
        await tool.ainvoke({"query": "rance"})
    assert words in str(error.value)
    assert str(error.value).endswith("Do without the web.")
    assert KEY not in caplog.text
    cause: BaseException | None = error.value
    while cause is not None:
        assert KEY not in str(cause)
        cause = cause.__cause__
    assert KEY not in repr(tool)


async def test_a_wrong_key_is_told_and_not_shown(
    start: Start, tavily: Tavily, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with searching(start, tavily, tavily_api_key="tvly-wrong") as service:
        body = await search(service)
    assert "API key is invalid" in body["error"]
    assert "tvly-wrong" not in str(body)
    assert "tvly-wrong" not in caplog.text
    assert "tvly-wrong" not in repr(service.settings)


async def test_a_service_that_hangs_is_given_up_in_time(start: Start, tavily: Tavily) -> None:
    tavily.fail = "hang"
    async with searching(start, tavily, web_timeout=0.3) as service:
        body = await search(service)
    assert "did not respond within 0.3 seconds" in body["error"]
    assert body["duration_ms"] < 10_000


async def test_there_is_no_way_out(start: Start, tavily: Tavily) -> None:
    async with searching(start, tavily, tavily_base_url="http://127.0.0.1:1") as service:
        assert "no internet" in (await search(service))["error"]


async def test_nothing_found_asks_for_other_words(start: Start, tavily: Tavily) -> None:
    tavily.results = []
    async with searching(start, tavily) as service:
        assert (await search(service))["error"] == "Nothing was found for 'rance'. Use fewer or other words."


async def test_a_result_that_is_no_web_page_is_left_out(start: Start, tavily: Tavily) -> None:
    tavily.results.insert(0, result("x", "javascript:alert(1)", "x"))
    async with searching(start, tavily) as service:
        assert [s["title"] for s in (await search(service))["sources"]] == ["Rance tidal power station", "Tides"]


WRONG: list[dict[str, Any]] = [
    {"query": ""},
    {"query": "x" * 401},
    {"query": "\ud83d"},
    {"query": "x", "max_results": 0},
    {"query": "x", "depth": "deep"},
    {"query": "x", "topic": "sports"},
    {"query": "x", "days": 0},
    {"query": "x", "days": 3, "time_range": "day"},
    {"query": "x", "include_domains": ["not a domain"]},
    {"query": "x", "exclude_domains": ["a.example"] * 21},
]


async def test_wrong_input_is_named(service: Service) -> None:
    for wrong in WRONG:
        answer = await service.http.post(
            "/api/tools/web_search", content=json.dumps({"input": wrong}), headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400, wrong
        assert answer.json()["error"]["param"].startswith("input"), wrong


async def test_a_search_that_is_turned_off_is_not_offered(start: Start) -> None:
    async with start(web_search="off", web_read_pages=False) as service:
        names = [tool["name"] for tool in (await service.http.get("/api/tools")).json()["tools"]]
        assert "web_search" not in names
        assert "read_page" not in names
        assert "vision_analyzer" in names
        for name in ("web_search", "read_page"):
            answer = await service.http.post(f"/api/tools/{name}", json={"input": {"query": "x", "url": "x"}})
            assert answer.status_code == 404


async def test_tavily_without_a_key_says_so() -> None:
    with pytest.raises(ToolFailed, match="TAVILY_API_KEY is not set"):
        await WebSearch(fetcher=Fetcher(WebSettings(search="tavily"))).ainvoke({"query": "x"})


async def test_an_agent_searches_and_cites(start: Start, tavily: Tavily, model: ScriptedChat) -> None:
    model.replies = [
        "Thought: I look it up.\nAction: web_search\nAction Input: rance power station",
        "Final Answer: It opened in 1966 [1].",
    ]
    async with searching(start, tavily) as service:
        body = {"messages": [{"role": "user", "content": "Search the web: when did it open?"}], "agent_type": "react"}
        answer = (await service.http.post("/v1/chat/completions", json=body)).json()
    assert answer["x_agent_metadata"]["tools_used"] == ["web_search"], answer
    assert answer["x_agent_metadata"]["steps"][0]["sources"][0]["url"] == "https://example.org/rance"


# without a key


@asynccontextmanager
async def silent_proxy(waiting: list[asyncio.StreamWriter]) -> AsyncIterator[str]:
    """It accepts every connection and never responds."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting.append(writer)
        await reader.read()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in waiting:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in waiting), return_exceptions=True)


async def test_engines_that_hang_are_given_up_in_time_and_nothing_is_left() -> None:
    """Their threads cannot be stopped; their process can."""
    async with silent_proxy([]) as proxy:
        settings = WebSettings(timeout=1.5, proxy=proxy)
        began = time.monotonic()
        with pytest.raises(SearchError, match=r"in time|within 1\.5 seconds"):
            await ddgs_search.search(Query("tides"), settings)
        assert time.monotonic() - began < 5


async def test_engines_that_cannot_be_reached_are_told() -> None:
    with pytest.raises(SearchError, match="no internet"):
        await ddgs_search.search(Query("tides"), WebSettings(timeout=20, proxy="http://127.0.0.1:1"))


async def test_a_search_that_is_cancelled_ends_its_process() -> None:
    connections: list[asyncio.StreamWriter] = []
    async with silent_proxy(connections) as proxy:
        task = asyncio.create_task(ddgs_search.search(Query("tides"), WebSettings(timeout=60, proxy=proxy)))
        await until(lambda: bool(connections), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
    assert not any("ddgs_main.py" in " ".join(child.cmdline()) for child in psutil.Process().children())


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        (Query("a"), {"query": "a", "timelimit": None, "max_results": 5}),
        (Query("a", time_range="month", max_results=9), {"query": "a", "timelimit": "m", "max_results": 9}),
        (Query("a", days=1), {"query": "a", "timelimit": "d", "max_results": 5}),
        (Query("a", days=5), {"query": "a", "timelimit": "w", "max_results": 5}),
        (Query("a", days=90), {"query": "a", "timelimit": "y", "max_results": 5}),
        (Query("a", days=90, topic="news"), {"query": "a", "timelimit": "m", "max_results": 5}),
        (
            Query("a", include_domains=("b.c", "d.e"), exclude_domains=("x.y",)),
            {"query": "a site:b.c OR site:d.e -site:x.y", "timelimit": None, "max_results": 5},
        ),
    ],
)
def test_the_options_reach_ddgs_as_it_wants_them(query: Query, arguments: dict[str, Any]) -> None:
    assert query.for_ddgs() == arguments


def test_results_of_ddgs_become_sources() -> None:
    results = [
        {"title": "A", "href": "https://a.example/1", "body": "first"},
        {"title": "News", "url": "https://sub.b.example/2", "body": "second", "date": "2025-01-02"},
        {"title": "Elsewhere", "href": "https://c.example/3", "body": "third"},
        {"title": "None", "href": "ftp://a.example/", "body": "x"},
        {"title": "None", "href": "http://[", "body": "x"},
        {"title": "None"},
    ]
    sources = ddgs_search.sources(Query("x", include_domains=("a.example", "b.example")), results)
    assert [(s["title"], s["url"], s["text"]) for s in sources] == [
        ("A", "https://a.example/1", "first"),
        ("News", "https://sub.b.example/2", "2025-01-02 second"),
    ]
    assert sources[0]["score"] > sources[1]["score"]
