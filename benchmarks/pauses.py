"""How long the event loop pauses while ten clients chat, with and without freezing loaded objects.

`python -m benchmarks.pauses [--turns N]`
"""

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from api.server import keep_what_is_loaded
from benchmarks.overhead import turn
from llm.scripted import ScriptedChat
from tests.serving import running, settings_for

CLIENTS = 10


@contextmanager
def full_collections() -> Iterator[list[float]]:
    """Seconds of each collection of the oldest generation."""
    seconds: list[float] = []
    began = 0.0

    def note(phase: str, info: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.perf_counter()
        elif info["generation"] == 2:
            seconds.append(time.perf_counter() - began)

    gc.callbacks.append(note)
    try:
        yield seconds
    finally:
        gc.callbacks.remove(note)


async def probe(pauses: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        pauses.append(time.perf_counter() - before)


async def chat(http: httpx.AsyncClient, turns: int) -> None:
    for _ in range(turns):
        await turn(http, "chat", None, stream=True)


async def measure(name: str, http: httpx.AsyncClient, turns: int) -> str:
    pauses: list[float] = []
    with full_collections() as collections:
        probing = asyncio.create_task(probe(pauses))
        await asyncio.gather(*(chat(http, turns // CLIENTS) for _ in range(CLIENTS)))
        probing.cancel()
    longest = max(pauses) * 1000
    p99 = statistics.quantiles(pauses, n=100)[-1] * 1000
    each = statistics.median(collections or [0]) * 1000
    return f"| {name} | {p99:.0f} | {longest:.0f} | {len(collections)} | {each:.1f} |"


async def main(turns: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = ScriptedChat(replies=["word " * 50], repeat=True)
        async with running(settings_for(Path(folder)), model) as service:
            print("| | p99 ms | longest ms | full collections | each, ms |\n|---|---|---|---|---|")
            keep_what_is_loaded()
            await chat(service.http, 1)
            print(await measure("frozen", service.http, turns))
            gc.unfreeze()
            print(await measure("not frozen", service.http, turns))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=600, help="turns per measurement, shared by ten clients")
    asyncio.run(main(parser.parse_args().turns))
