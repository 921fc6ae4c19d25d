"""Measures reading text in an image, preparing an image for a model, and fetching a page on loopback.

`python -m benchmarks.looking [--runs N]` prints the table in `docs/benchmarks.md`.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from tests.tools.vision.pictures import LINES, encoded, half_and_half, printed
from tests.tools.web.pages import site
from tools import PRELOAD
from tools.vision.images import show
from tools.vision.ocr import look
from tools.web.extract import readable
from tools.web.fetch import Fetcher
from tools.web.settings import WebSettings
from tools.workers.pool import Workers
from tools.workers.settings import WorkerSettings


async def timed(work: Callable[[], Awaitable[object]], runs: int) -> list[float]:
    """Milliseconds of each run."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        await work()
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)


def row(name: str, times: list[float]) -> str:
    p90 = times[max(0, round(len(times) * 0.9) - 1)]
    return f"| {name} | {statistics.median(times):.0f} | {p90:.0f} |"


async def main(runs: int, say: Callable[[str], None]) -> None:
    bill, photograph = encoded(printed()), encoded(half_and_half((4000, 3000)), "JPEG")
    say("| | median ms | p90 ms |\n|---|---|---|")
    workers = Workers(WorkerSettings(), preload=PRELOAD)

    async def read_text() -> None:
        looked = await workers.run(look, bill, memory=2 << 30)
        assert looked.text == "\n".join(LINES), looked.text

    try:
        say(row("text of a 1,000 × 400 image, cold (the workers start)", await timed(read_text, 1)))
        say(row("text of a 1,000 × 400 image, warm", await timed(read_text, runs)))
        say(
            row(
                "a 4,000 × 3,000 JPEG prepared for a model",
                await timed(lambda: workers.run(show, photograph, 1280), runs),
            )
        )
        async with site() as web:
            fetcher = Fetcher(WebSettings(allow_private_hosts=(f"127.0.0.1:{web.port}",)))

            async def fetch() -> None:
                await fetcher.fetch(f"{web.url}/article", ("text/",))

            async def read_page() -> None:
                page = await fetcher.fetch(f"{web.url}/article", ("text/",))
                await workers.run(readable, page.body, page.mime, page.charset, page.url)

            await fetch()
            say(row("a page fetched over loopback", await timed(fetch, runs * 5)))
            say(row("the same, and its main text extracted", await timed(read_page, runs)))
    finally:
        await workers.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    asyncio.run(main(parser.parse_args().runs, print))
