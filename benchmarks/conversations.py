"""Measures listing and searching many conversations, and transferring large files. Real HTTP, SQLite and disk.

`python -m benchmarks.conversations [--conversations N]` prints the tables in `docs/benchmarks.md`.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from checkpoints.store import open_store
from llm.scripted import ScriptedChat
from tests.serving import Service, running, settings_for

MIB = 1 << 20
FILE_MB = 60
WORDS = 20_000


def words(chance: random.Random) -> list[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(chance.choices(letters, k=chance.randint(2, 10))) for _ in range(WORDS)]


async def fill(path: Path, count: int, owner: str) -> list[float]:
    """Creates conversations of two turns, about 2 kB each, with realistic word frequencies; returns the seconds per
    turn.
    """
    chance = random.Random(1)
    known = words(chance)
    weights = [1 / (rank + 1) for rank in range(WORDS)]
    seconds = []
    async with open_store(path) as store:
        for number in range(count):
            text = " ".join(chance.choices(known, weights, k=280))
            session = await store.sessions.create(owner, text[:200])
            began = time.perf_counter()
            await store.sessions.said(session.id, [text[:300], text[300:1000]])
            await store.sessions.said(session.id, [f"{text[1000:1100]} number{number}x", text[1100:]])
            seconds.append((time.perf_counter() - began) / 2)
    return seconds


def told(name: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[max(0, round(len(ordered) * 0.95) - 1)]
    return f"| {name} | {statistics.median(ordered) * 1000:.1f} | {p95 * 1000:.1f} |"


async def timed(count: int, call: Callable[[int], Awaitable[httpx.Response]]) -> list[float]:
    seconds = []
    for number in range(count):
        began = time.perf_counter()
        (await call(number)).raise_for_status()
        seconds.append(time.perf_counter() - began)
    return seconds


async def lists(service: Service, count: int, say: Callable[[str], None]) -> None:
    http = service.http
    path = "/api/conversations"
    chance, known = random.Random(2), words(random.Random(1))
    middle = (await http.get(path, params={"limit": 100})).json()["next_cursor"]
    for _ in range(count // 200 - 1):
        middle = (await http.get(path, params={"limit": 100, "cursor": middle})).json()["next_cursor"]

    def page(**params: Any) -> Callable[[int], Awaitable[httpx.Response]]:
        return lambda _: http.get(path, params=params)

    def search(query: Callable[[int], str]) -> Callable[[int], Awaitable[httpx.Response]]:
        return lambda number: http.get(path, params={"q": query(number)})

    say("| | median ms | p95 ms |\n|---|---|---|")
    say(told("first page, 50 conversations", await timed(100, page(limit=50))))
    say(told("a page in the middle", await timed(100, page(limit=50, cursor=middle))))
    say(told("search: a word in one conversation", await timed(100, search(lambda n: f"number{n * count // 100}x"))))
    say(told("search: a word in many conversations", await timed(100, search(lambda _: chance.choice(known[20:2000])))))
    say(told("search: a word in nearly all", await timed(30, search(lambda _: max(known[:3], key=len)))))
    say(told("search: two letters", await timed(30, search(lambda _: "qx"))))


async def body(megabytes: int) -> AsyncIterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n'
    for _ in range(megabytes):
        yield b"x" * MIB
    yield b"\r\n--x--\r\n"


class Peak:
    """The largest resident memory during a block, sampled every 5 ms, minus that before it."""

    def __enter__(self) -> "Peak":
        self._process = psutil.Process()
        self._before = self.bytes = self._process.memory_info().rss
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self.bytes = max(self.bytes, self._process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.bytes -= self._before


async def transfers(service: Service, say: Callable[[str], None]) -> None:
    http, headers = service.http, {"content-type": "multipart/form-data; boundary=x"}
    (await http.post("/api/upload", content=body(1), headers=headers)).raise_for_status()
    say(f"\n| {FILE_MB} MB | MB/s | memory, including the client |\n|---|---|---|")
    url = ""
    with Peak() as peak:
        began = time.perf_counter()
        for _ in range(3):
            url = (await http.post("/api/upload", content=body(FILE_MB), headers=headers)).json()["files"][0]["url"]
        rate = 3 * FILE_MB / (time.perf_counter() - began)
    say(f"| upload | {rate:.0f} | {peak.bytes / MIB:.0f} MB |")
    with Peak() as peak:
        began = time.perf_counter()
        for _ in range(3):
            async with http.stream("GET", url) as answer:
                async for _piece in answer.aiter_raw():
                    pass
        rate = 3 * FILE_MB / (time.perf_counter() - began)
    say(f"| download | {rate:.0f} | {peak.bytes / MIB:.0f} MB |")
    ranges = await timed(100, lambda n: http.get(url, headers={"Range": f"bytes={n * 600_000}-{n * 600_000 + 65535}"}))
    say("\n| | median ms | p95 ms |\n|---|---|---|")
    say(told("64 kB from the middle", ranges))


async def deletions(service: Service, say: Callable[[str], None]) -> None:
    page = (await service.http.get("/api/conversations", params={"limit": 20})).json()["sessions"]
    ids = [session["session_id"] for session in page]
    seconds = await timed(len(ids), lambda n: service.http.delete(f"/api/conversations/{ids[n]}"))
    say(told("delete a conversation", seconds))
    began = time.perf_counter()
    async with open_store(service.settings.database) as store:
        await store.scrubber.merge_index()
        merged = time.perf_counter()
        await store.scrubber.vacuum(1 << 30)
    say(f"\nIn the background afterwards: index {merged - began:.1f} s, pages {time.perf_counter() - merged:.1f} s")


async def main(count: int, say: Callable[[str], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(Path(folder), user_storage_mb=4096, user_requests_per_minute=0, user_disk_mb=0)
        turns = await fill(settings.database, count, "local")
        size = settings.database.stat().st_size
        say(f"{count} conversations of two turns: a database of {size / MIB:.0f} MB\n")
        async with running(settings, ScriptedChat()) as service:
            await lists(service, count, say)
            say(told("a turn is added to the index", turns))
            await transfers(service, say)
            await deletions(service, say)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--conversations", type=int, default=10_000)
    asyncio.run(main(parser.parse_args().conversations, print))
