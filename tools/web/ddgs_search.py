"""Search without a key, with the `ddgs` package.

It queries several engines in threads that cannot be stopped, so it runs in a separate process (`ddgs_main.py`), which
is killed when the time is up.
"""

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools.results import Source
from tools.web.queries import Query, SearchError, found
from tools.web.settings import WebSettings
from workspace import child_program

MAIN = Path(__file__).with_name("ddgs_main.py").resolve()
GIVE_UP_AFTER = 0.8
"""Share of the total time after which a single engine is abandoned."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
"""Nothing of the service's own environment: no key, no proxy."""


async def search(query: Query, settings: WebSettings) -> list[Source]:
    """At most `query.max_results` sources, best first. Raises `SearchError`."""
    request = {
        "topic": query.topic,
        "proxy": settings.proxy,
        "timeout": max(1, round(settings.timeout * GIVE_UP_AFTER)),
        "arguments": query.for_ddgs(),
    }
    process = await asyncio.create_subprocess_exec(
        *child_program.command(str(MAIN)), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=ENVIRONMENT
    )
    try:
        async with asyncio.timeout(settings.timeout):
            out, _ = await process.communicate(json.dumps(request).encode())
    except TimeoutError as error:
        raise SearchError(f"The search did not respond within {settings.timeout:g} seconds.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return sources(query, _answer(out))


def _answer(out: bytes) -> list[dict[str, Any]]:
    try:
        answer = json.loads(out)
    except ValueError as error:
        raise SearchError("The search failed.") from error
    if reason := answer.get("error"):
        raise SearchError(reason)
    results: list[dict[str, Any]] = answer["results"]
    return results


def sources(query: Query, results: list[dict[str, Any]]) -> list[Source]:
    """Results of `DDGS.text` and `DDGS.news` as sources; the score decreases with the rank."""
    kept = []
    for place, result in enumerate(results, start=1):
        url = str(result.get("href") or result.get("url") or "")
        host = _host(url)
        if host and query.allows(host):
            text = " ".join(str(result[key]) for key in ("date", "body") if result.get(key))
            kept.append(found(str(result.get("title") or ""), url, text, 1 / place))
    return kept[: query.max_results]


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in ("http", "https") else ""
