"""Pages of a malicious web server, which the service may fetch here."""

import asyncio
from urllib.parse import quote

from tests.abuse.enemy import Enemy


async def _read(enemy: Enemy, *paths: str, times: int = 1) -> None:
    urls = [f"{enemy.site.url}/{path}" for path in paths] * times
    gate = asyncio.Semaphore(4)

    async def one(url: str) -> None:
        async with gate:
            await enemy.tool("read_page", url=url)

    await asyncio.gather(*map(one, urls))


async def redirects_to_nowhere(enemy: Enemy) -> None:
    """Pages that redirect to about:blank, javascript:, data:, file: and invalid hosts."""
    targets = (
        "about:blank",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "http://xn--/",
        "http://[::1",
        "//",
        "///",
        "http://" + "a" * 5000,
        "http://169.254.169.254/",
        "http://[::ffff:7f00:1]:1/",
        "\x00",
        "http://x:99999999999/",
    )
    await _read(enemy, *(f"to/{quote(target, safe='')}" for target in targets))


async def redirect_loops(enemy: Enemy) -> None:
    """Redirects in a circle, and ones that get longer."""
    await _read(enemy, "loop", "longer/", times=6)


async def endless_pages(enemy: Enemy) -> None:
    """Pages without an end."""
    await _read(enemy, "endless", times=20)


async def dripping_pages(enemy: Enemy) -> None:
    """Pages and headers that arrive byte by byte."""
    await _read(enemy, "drip", "slowhead", times=20)


async def endless_headers(enemy: Enemy) -> None:
    """Headers without an end."""
    await _read(enemy, "headers", times=20)


async def compressed_pages(enemy: Enemy) -> None:
    """Pages of 256 MB in 256 kB."""
    await _read(enemy, "gzip", times=20)


async def deep_pages(enemy: Enemy) -> None:
    """Pages of a million elements inside each other, of tables, of attributes, of text."""
    await _read(enemy, "deep", "table", "attributes", "words", "charset", times=4)


async def endless_pictures(enemy: Enemy) -> None:
    """Messages with ten pictures without an end, by address."""
    parts = [{"type": "image_url", "image_url": {"url": f"{enemy.site.url}/png/{n}"}} for n in range(10)]
    await enemy.many(12, lambda: enemy.chat(parts), 4)


async def hostile_addresses(enemy: Enemy) -> None:
    """Addresses of 4,000 characters, of internal hosts, and of none."""
    for url in (
        "http://" + "a." * 2000,
        "http://127.0.0.1:22/",
        "http://[" + "1:" * 900,
        "http://0/",
        "x" * 4000,
        "http://\ud7ff/",
    ):
        await enemy.tool("read_page", url=url)
