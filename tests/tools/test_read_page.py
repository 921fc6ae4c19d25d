"""Reading pages over real HTTP: the tool's route, and a small web site."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.serving import Service
from tests.tools.web.pages import Site, site

Start = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
async def web() -> AsyncIterator[Site]:
    async with site() as running:
        yield running


async def read(service: Service, url: str, **options: Any) -> dict[str, Any]:
    answer = await service.http.post("/api/tools/read_page", json={"input": {"url": url, **options}})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_pages_are_read(start: Start, web: Site) -> None:
    async with start(web_allow_private_hosts=f"127.0.0.1:{web.port}") as service:
        article = await read(service, f"{web.url}/article")
        assert article["error"] is None
        assert article["output"].startswith(f"[1] The tides of Saint-Malo, {web.url}/article\n")
        assert "thirteen metres" in article["output"]
        assert "within six hours" in article["output"]
        for clutter in ("Log in", "All rights reserved", "<p>"):
            assert clutter not in article["output"]
        (source,) = article["sources"]
        assert (source["kind"], source["title"], source["url"]) == (
            *("web", "The tides of Saint-Malo"),
            f"{web.url}/article",
        )
        assert (await read(service, f"<{web.url}/again/3>"))["sources"][0]["url"] == f"{web.url}/article"
        assert "plain words, 42 of them" in (await read(service, f"{web.url}/text"))["output"]
        korean = await read(service, f"{web.url}/korean")
        assert korean["sources"][0]["title"] == "날씨"
        assert "오늘 서울의 날씨는 맑고" in korean["output"]
        assert "plain words" in (await read(service, f"{web.url}/charset/idna"))["output"]
        report = await read(service, f"{web.url}/report.pdf")
        assert report["sources"][0]["title"] == "report.pdf"
        assert "(page 2) The second page names 1966." in report["output"]
        # a long text is continued where it was cut
        first = await read(service, f"{web.url}/long")
        assert len(first["sources"][0]["text"]) < 5200
        end = int(first["output"].rpartition("start=")[2].partition(" ")[0])
        second = await read(service, f"{web.url}/long", start=end)
        assert second["sources"][0]["position"] == end
        assert second["data"]["characters"] == first["data"]["characters"]
        words = first["sources"][0]["text"].rpartition("\n… [")[0] + second["sources"][0]["text"].rpartition("\n… [")[0]
        assert [int(n) for n in words.split() if n.isdigit()] == list(range(words.count("Paragraph")))


async def test_what_cannot_be_read_is_said(start: Start, web: Site) -> None:
    async with start(web_allow_private_hosts=f"127.0.0.1:{web.port}", web_page_mb=2) as service:
        for path, words in (
            ("/empty", "no text that can be read"),
            ("/picture", "The type image/png is not supported"),
            ("/binary", "does not match its declared type"),
            ("/false.pdf", "does not match its declared type"),
            ("/status/404", "status 404"),
            ("/bomb", "exceeds the limit of 2 MB"),
            ("/to?url=http://10.0.0.1/", "inside this machine"),
            ("/to?url=about:blank", "Only URLs that start with http:// or https:// can be fetched."),
            ("/to?url=javascript:alert(1)", "Only URLs that start with"),
            ("/to?url=data:text/html,hello", "Only URLs that start with"),
            ("/to?url=http://xn--/", "redirects to a URL that cannot be fetched. This is not a valid URL."),
        ):
            body = await read(service, web.url + path)
            assert words in (body["error"] or ""), (path, body)
            assert body["sources"] == []
        for url in ("about:blank", "javascript:alert(1)", "http://xn--/"):
            assert (await read(service, url))["error"], url
        assert "must be less" in (await read(service, f"{web.url}/text", start=500))["error"]


async def test_the_inside_is_not_read_and_not_even_asked(service: Service, web: Site) -> None:
    for url in (
        f"{web.url}/article",
        f"http://localhost:{web.port}/article",
        f"{service.url}/health",
        "file:///etc/passwd",
    ):
        assert (await read(service, url))["error"]
    assert web.hits == []


async def test_wrong_input_is_named(service: Service) -> None:
    for wrong in ({}, {"url": ""}, {"url": "x" * 5000}, {"url": "https://a.example", "start": -1}):
        answer = await service.http.post("/api/tools/read_page", json={"input": wrong})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] in ("input.url", "input.start")
