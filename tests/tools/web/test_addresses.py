"""The web fetcher cannot be used to attack internal networks: hostile URLs are refused before a connection."""

import asyncio
import contextlib
import ipaddress
import select
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tools.web.certificate import self_signed
from tests.tools.web.hostile import HOSTILE
from tests.tools.web.pages import Site, site
from tools.web.addresses import Address, is_outside
from tools.web.errors import AddressRefusedError, FetchError, NameNotFoundError
from tools.web.fetch import Fetcher
from tools.web.settings import WebSettings
from tools.web.urls import parse

HTML = ("text/html",)


@pytest.mark.parametrize("url", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_address_is_refused(url: str) -> None:
    """The port is allowed here, so that only the address matters; the internal server must receive nothing."""
    with socket.create_server(("127.0.0.1", 0)) as inside:
        port = inside.getsockname()[1]
        fetcher = Fetcher(WebSettings(ports=(80, 443, port)), lookup=_nobody)
        with pytest.raises(AddressRefusedError):
            await fetcher.fetch(url.format(port=port) if "{port}" in url else url, HTML)
        assert select.select([inside], [], [], 0)[0] == []


def _nobody(host: str) -> list[Address]:
    raise AssertionError(f"{host} was looked up")


INSIDE = [
    *("127.0.0.1", "10.1.2.3", "172.20.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("::1", "::ffff:10.0.0.1", "fe80::1", "fd00::1", "64:ff9b::7f00:1", "2002:7f00:1::"),
]


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    fetcher = Fetcher(WebSettings(), lookup=lambda _: [ipaddress.ip_address(address)])
    with pytest.raises(AddressRefusedError, match="inside"):
        await fetcher.fetch("https://innocent.example.com/", HTML)


async def test_a_name_with_one_address_inside_is_refused() -> None:
    both = [ipaddress.ip_address("93.184.215.14"), ipaddress.ip_address("127.0.0.1")]
    fetcher = Fetcher(WebSettings(), lookup=lambda _: both)
    with pytest.raises(AddressRefusedError):
        await fetcher.fetch("https://innocent.example.com/", HTML)


def test_the_machine_s_own_addresses_are_inside() -> None:
    """Its public address too: a server there may trust requests from this machine."""
    own = [e.address for all_ in psutil.net_if_addrs().values() for e in all_ if e.family == socket.AF_INET]
    assert own
    assert not any(is_outside(ipaddress.ip_address(address)) for address in own)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "169.253.0.1",
        "2606:4700::1111",
        "2a00::1",
        "64:ff9b::808:808",
    ],
)
def test_ordinary_addresses_are_outside(address: str) -> None:
    assert is_outside(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://example.com/a?b=c#d", "example.com", 443),
        (" HTTP://EXAMPLE.com:80 ", "example.com", 80),
        ("https://bücher.example/", "xn--bcher-kva.example", 443),
        ("https://example.com./", "example.com", 443),
        ("https://en.wikipedia.org/wiki/Caf%C3%A9_(disambiguation)?x=a@b", "en.wikipedia.org", 443),
        ("http://8.8.8.8/", "8.8.8.8", 80),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443),
        ("https://1.example.com/", "1.example.com", 443),
    ],
)
def test_honest_addresses_are_understood(url: str, host: str, port: int) -> None:
    target = parse(url, WebSettings())
    assert (target.host, target.port) == (host, port)


# names and connections


@pytest.fixture
def trusting() -> WebSettings:
    return WebSettings(allow_private_hosts=("shop.example",), timeout=10)


async def test_the_connection_goes_to_the_address_that_was_checked(trusting: WebSettings) -> None:
    """DNS rebinding: a second lookup would return another address, so there is none."""
    answers: Iterator[str] = iter(["127.0.0.1", "127.0.0.2"])
    looked_up = []

    def lookup(host: str) -> list[Address]:
        looked_up.append(host)
        return [ipaddress.ip_address(next(answers))]

    async with site() as shop:
        fetcher = Fetcher(trusting, lookup=lookup)
        page = await fetcher.fetch(f"http://shop.example:{shop.port}/article", HTML)
        assert page.url == f"http://shop.example:{shop.port}/article"
        assert shop.headers[0]["host"] == f"shop.example:{shop.port}"
    assert looked_up == ["shop.example"]


async def test_tls_is_spoken_with_the_name_and_not_with_the_address(trusting: WebSettings, tmp_path: Path) -> None:
    server_side, client_side = self_signed("shop.example", tmp_path)
    asked_for: list[str | None] = []
    server_side.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    async with site(server_side) as shop:
        fetcher = Fetcher(trusting, lookup=lambda _: [ipaddress.ip_address("127.0.0.1")], tls=client_side)
        page = await fetcher.fetch(f"https://shop.example:{shop.port}/article", HTML)
        assert b"Saint-Malo" in page.body
    assert asked_for == ["shop.example"]


async def test_a_certificate_of_another_name_is_not_accepted(trusting: WebSettings, tmp_path: Path) -> None:
    server_side, client_side = self_signed("other.example", tmp_path)
    async with site(server_side) as shop:
        fetcher = Fetcher(trusting, lookup=lambda _: [ipaddress.ip_address("127.0.0.1")], tls=client_side)
        with pytest.raises(FetchError, match="No connection"):
            await fetcher.fetch(f"https://shop.example:{shop.port}/article", HTML)
        assert shop.hits == []


async def test_the_next_address_is_tried_when_the_first_does_not_answer(trusting: WebSettings) -> None:
    async with site() as shop:  # it only listens on 127.0.0.1
        both = [ipaddress.ip_address("127.0.0.2"), ipaddress.ip_address("127.0.0.1")]
        page = await Fetcher(trusting, lookup=lambda _: both).fetch(f"http://shop.example:{shop.port}/article", HTML)
        assert b"Saint-Malo" in page.body


async def test_a_name_server_that_never_answers_does_not_hold_anybody_up() -> None:
    """Neither the request, beyond its time limit, nor the event loop's own threads."""
    release = threading.Event()

    def hanging(_host: str) -> list[Address]:
        release.wait(30)
        return []

    fetcher = Fetcher(WebSettings(timeout=0.2), lookup=hanging)
    try:
        results = await asyncio.gather(
            *(fetcher.fetch("https://slow.example.com/", HTML) for _ in range(40)), return_exceptions=True
        )
        assert all(isinstance(result, FetchError) for result in results)
        assert sum("being resolved" in str(result) for result in results) == 8
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "alive"), 5) == "alive"
    finally:
        release.set()


async def test_a_name_that_is_none_is_told() -> None:
    fetcher = Fetcher(WebSettings())
    with pytest.raises(NameNotFoundError, match=r"no-such-name\.invalid cannot be resolved"):
        await fetcher.fetch("https://no-such-name.invalid/", HTML)


# redirects

REDIRECTS = {
    "loopback": "http://127.0.0.1:{port}/article",
    "loopback in decimal": "http://2130706433:{port}/article",
    "what clouds tell their machines": "http://169.254.169.254/latest/meta-data/",
    "private": "http://192.168.0.1/",
    "IPv6 loopback": "http://[::1]:{port}/article",
    "another host without a scheme": "//127.0.0.1:{port}/article",
    "a file": "file:///etc/passwd",
    "a user name": "http://user@shop.example:{port}/article",
    "a port that is not allowed": "http://other.example:6379/",
    "a name that leads inside": "http://rebound.example:{port}/article",
    "a blank page": "about:blank",
    "a script": "javascript:alert(1)",
    "its own data": "data:text/html,hello",
    "no Punycode": "http://xn--/",
    "invalid Punycode": "http://xn--a/",
    "half a bracket": "http:////[v1/",
    "a zone that is not ASCII": "http://[::1%25\u00fc]/",
}


@pytest.mark.parametrize(
    ("place", "code"),
    [
        *((place, 302) for place in REDIRECTS.values()),
        *((REDIRECTS["loopback"], code) for code in (301, 303, 307, 308)),
    ],
    ids=[*REDIRECTS, "301", "303", "307", "308"],
)
async def test_a_redirect_does_not_lead_inside(place: str, code: int) -> None:
    """The first host is allowed by name; its redirect target is not."""
    async with site() as shop:
        settings = WebSettings(allow_private_hosts=("shop.example",), ports=(80, 443, shop.port))
        fetcher = Fetcher(settings, lookup=lambda _: [ipaddress.ip_address("127.0.0.1")])
        url = f"http://shop.example:{shop.port}/to?code={code}&url={place.format(port=shop.port)}"
        with pytest.raises(AddressRefusedError):
            await fetcher.fetch(url, HTML)
        assert shop.hits == ["/to"]


@given(st.text(), st.none() | st.just(httpx.URL("http://shop.example/a")))
@example("http://a/\ud800", None)
@example("http://xn--zzzzzzzzzzzzzzz-zzz.com", None)
@example("//[", httpx.URL("http://shop.example/a"))
def test_any_text_is_a_target_or_refused(text: str, base: httpx.URL | None) -> None:
    with contextlib.suppress(AddressRefusedError):
        assert parse(text, WebSettings(), base).url.scheme in ("http", "https")


async def test_a_port_is_allowed_with_its_host_alone(here: Site) -> None:
    settings = WebSettings(allow_private_hosts=(f"127.0.0.1:{here.port}",))
    assert (await Fetcher(settings).fetch(f"{here.url}/text", ("text/",))).body.startswith(b"plain")
    with pytest.raises(AddressRefusedError):
        await Fetcher(WebSettings(allow_private_hosts=("127.0.0.1:1",))).fetch(f"{here.url}/text", ("text/",))


@pytest.fixture
async def here() -> AsyncIterator[Site]:
    async with site() as running:
        yield running
