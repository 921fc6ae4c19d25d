"""The allowed type, size and duration of a fetched page."""

import time
from collections.abc import AsyncIterator

import pytest

from tests.tools.web.pages import ARTICLE, Site, site
from tools.web.errors import FetchError
from tools.web.fetch import Fetcher
from tools.web.settings import WebSettings

KINDS = ("text/",)


@pytest.fixture
async def web() -> AsyncIterator[Site]:
    async with site() as running:
        yield running


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher(WebSettings(allow_private_hosts=("127.0.0.1",), timeout=10, page_mb=2))


@pytest.mark.parametrize("path", ["/article", "/compressed", "/encoded/deflate", "/encoded/raw-deflate", "/again/4"])
async def test_a_page_comes_whole(web: Site, fetcher: Fetcher, path: str) -> None:
    page = await fetcher.fetch(web.url + path, KINDS)
    assert page.body.decode() == ARTICLE
    assert (page.mime, page.charset) == ("text/html", "utf-8")


async def test_a_page_s_address_is_that_of_the_last_redirect(web: Site, fetcher: Fetcher) -> None:
    page = await fetcher.fetch(f"{web.url}/again/2#part", KINDS)
    assert page.url == f"{web.url}/article"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/again/5", "redirects more than 5 times"),
        ("/nowhere", "redirects without a target"),
        ("/status/404", "status 404 (Not Found)"),
        ("/status/500", "status 500 (Internal Server Error)"),
        ("/picture", "The type image/png is not supported"),
        ("/flood", "exceeds the limit of 2 MB"),
        ("/declared", "exceeds the limit of 2 MB"),
        ("/bomb", "exceeds the limit of 2 MB"),
        ("/encoded/br", "not requested (br)"),
        ("/encoded/twice", "not requested (gzip, gzip)"),
        ("/encoded/damaged", "compressed data is damaged"),
        ("/encoded/cut", "The page is truncated"),
    ],
)
async def test_what_cannot_be_had_is_said(web: Site, fetcher: Fetcher, path: str, words: str) -> None:
    with pytest.raises(FetchError) as error:
        await fetcher.fetch(web.url + path, KINDS)
    assert words in str(error.value)


async def test_a_page_that_never_ends_is_given_up_in_time(web: Site) -> None:
    fetcher = Fetcher(WebSettings(allow_private_hosts=("127.0.0.1",), timeout=0.5))
    began = time.monotonic()
    with pytest.raises(FetchError, match=r"within 0\.5 seconds"):
        await fetcher.fetch(f"{web.url}/endless", KINDS)
    assert time.monotonic() - began < 5


async def test_nobody_listens(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match="No connection to 127"):
        await fetcher.fetch("http://127.0.0.1:1/", KINDS)


async def test_nothing_of_the_service_s_own_is_sent(
    web: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No proxy and no password from the environment, no cookie from one page to the next."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    await fetcher.fetch(f"{web.url}/cookie", KINDS)
    await fetcher.fetch(f"{web.url}/article", KINDS)
    assert web.hits == ["/cookie", "/article", "/article"]
    allowed = {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert all(set(headers) == allowed for headers in web.headers)


async def test_a_configured_proxy_is_asked_for_the_name_but_never_for_the_inside(web: Site) -> None:
    """The site acts as the proxy: it receives the whole URL."""
    fetcher = Fetcher(WebSettings(proxy=web.url, timeout=10), lookup=lambda _: [])
    page = await fetcher.fetch("http://shop.example.com/article", KINDS)
    assert page.body.decode() == ARTICLE
    assert web.headers[0]["host"] == "shop.example.com"
    with pytest.raises(FetchError, match="inside"):
        await fetcher.fetch("http://169.254.169.254/article", KINDS)
    assert len(web.hits) == 1
