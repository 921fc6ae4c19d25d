"""Search without a key, by the `ddgs` package.

It asks several engines in threads that nobody can stop, so it runs in a process of its own, which ends when the time
is over: `python -m tools.web.ddgs_search` reads a request as JSON and writes its answer as JSON.
"""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools.results import Source
from tools.web.queries import Query, SearchError, found
from tools.web.settings import WebSettings

ROOT = Path(__file__).resolve().parents[2]
GIVE_UP_AFTER = 0.8
"""Share of the whole time after which one engine is no longer waited for."""
NO_RESULTS = "No results found."


async def search(query: Query, settings: WebSettings) -> list[Source]:
    """At most `query.max_results` sources, best first. Raises `SearchError`."""
    request = {
        "topic": query.topic,
        "proxy": settings.proxy,
        "timeout": max(1, round(settings.timeout * GIVE_UP_AFTER)),
        "arguments": query.for_ddgs(),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=_environment()
    )
    try:
        async with asyncio.timeout(settings.timeout):
            out, _ = await process.communicate(json.dumps(request).encode())
    except TimeoutError as error:
        raise SearchError(f"The search did not answer within {settings.timeout:g} seconds.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _sources(query, _answer(out))


def _environment() -> dict[str, str]:
    """Nothing of the service's own: no key, no proxy."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}


def _answer(out: bytes) -> list[dict[str, Any]]:
    try:
        answer = json.loads(out)
    except ValueError as error:
        raise SearchError("The search broke down.") from error
    if reason := answer.get("error"):
        raise SearchError(reason)
    results: list[dict[str, Any]] = answer["results"]
    return results


def _sources(query: Query, results: list[dict[str, Any]]) -> list[Source]:
    sources = []
    for place, result in enumerate(results, start=1):
        url = str(result.get("href") or result.get("url") or "")
        host = _host(url)
        if host and query.allows(host):
            text = " ".join(str(result[key]) for key in ("date", "body") if result.get(key))
            sources.append(found(str(result.get("title") or ""), url, text, 1 / place))
    return sources[: query.max_results]


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in ("http", "https") else ""


# in the other process


def main() -> None:
    request = json.load(sys.stdin)
    json.dump(_ask(request), sys.stdout)


def _ask(request: dict[str, Any]) -> dict[str, Any]:
    from ddgs import DDGS  # noqa: PLC0415 (the service itself never loads it)
    from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException  # noqa: PLC0415

    engine = DDGS(proxy=request["proxy"], timeout=request["timeout"])
    ask = engine.news if request["topic"] == "news" else engine.text
    try:
        return {"results": ask(**request["arguments"])}
    except RatelimitException:
        return {"error": "The search engines are asked too often; they can be used again later."}
    except TimeoutException:
        return {"error": "The search engines did not answer in time."}
    except DDGSException as error:
        if str(error) == NO_RESULTS:
            return {"results": []}
        return {"error": "There is no way to the search engines; the machine may have no internet."}


if __name__ == "__main__":
    main()
