"""The service's own overhead: a scripted model without delay; real HTTP, SQLite and kernels.

`python -m benchmarks.overhead [--turns N] [--streams]` prints the tables in `docs/benchmarks.md`.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from langchain_core.messages import BaseMessage

from llm.scripted import ScriptedChat
from tests.serving import Service, python_step, running, settings_for

CLIENTS = (1, 8, 32)
ANSWER = "The answer is forty-two, as the program has shown. " * 2


@dataclass(frozen=True)
class Row:
    name: str
    clients: int
    seconds: list[float]
    wall: float

    def markdown(self) -> str:
        ordered = sorted(self.seconds)
        median = statistics.median(ordered) * 1000
        p95 = ordered[max(0, round(len(ordered) * 0.95) - 1)] * 1000
        return f"| {self.name} | {self.clients} | {median:.1f} | {p95:.1f} | {len(ordered) / self.wall:.0f} |"


def reply(messages: list[BaseMessage]) -> str:
    """A chat answer, or three programs and then the final answer, depending on the prompt."""
    system, asked = messages[0].text, messages[-1].text
    if "Final Answer:" not in system and "mend" not in system:
        return ANSWER
    if "You mend" in system:
        return python_step("print(40 + 2)") if "second" in asked else python_step("second = 1 / 0")
    if "what the program printed" in system:
        return f"Final Answer: {ANSWER}"
    return python_step("first = 1 / 0")


async def turn(http: httpx.AsyncClient, mode: str, session: str | None, *, stream: bool) -> str:
    body = {"messages": [{"role": "user", "content": "What is it?"}], "agent_type": mode, "stream": stream}
    if session is not None:
        body["session_id"] = session
    if not stream:
        answer = await http.post("/v1/chat/completions", json=body)
        answer.raise_for_status()
        return str(answer.json()["x_session_id"])
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for _ in response.aiter_lines():
            pass
        return response.headers["x-session-id"]


async def measure(name: str, mode: str, *, stream: bool, clients: int, turns: int, http: httpx.AsyncClient) -> Row:
    seconds: list[float] = []

    async def client() -> None:
        session = await turn(http, mode, None, stream=stream)  # the kernel starts here, not measured
        ready.release()
        await go.wait()
        for _ in range(turns):
            began = time.perf_counter()
            await turn(http, mode, session, stream=stream)
            seconds.append(time.perf_counter() - began)

    ready, go = asyncio.Semaphore(0), asyncio.Event()
    tasks = [asyncio.create_task(client()) for _ in range(clients)]
    for _ in tasks:
        await ready.acquire()
    began = time.perf_counter()
    go.set()
    await asyncio.gather(*tasks)
    return Row(name, clients, seconds, time.perf_counter() - began)


async def first_frame(service: Service, count: int) -> list[float]:
    """Seconds from the request to the first bytes of a stream."""
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        body = {"messages": [{"role": "user", "content": "hi"}], "agent_type": "chat", "stream": True}
        async with service.http.stream("POST", "/v1/chat/completions", json=body) as answer:
            pieces = answer.aiter_bytes()
            await anext(pieces)
            seconds.append(time.perf_counter() - began)
            async for _ in pieces:
                pass
    return seconds


async def per_token(service: Service, model: ScriptedChat) -> float:
    """Seconds per additional streamed token, from a long and a short answer."""

    async def timed(pieces: int) -> float:
        model.replies = ["word" * pieces]
        times = []
        for _ in range(15):
            began = time.perf_counter()
            await turn(service.http, "chat", None, stream=True)
            times.append(time.perf_counter() - began)
        return statistics.median(times)

    return (await timed(1010) - await timed(10)) / 1000


async def first_result(service: Service, count: int) -> list[float]:
    """Seconds from a new session to its first Python result, with the tool route."""
    seconds = []
    for number in range(count):
        began = time.perf_counter()
        answer = await service.http.post(
            "/api/tools/python_coder", json={"input": {"code": f"print(pd.Series([{number}]).sum())"}}
        )
        seconds.append(time.perf_counter() - began)
        assert answer.json()["output"] == str(number), answer.text
    return seconds[1:]  # the first one boots the fork server


async def streams(service: Service, model: ScriptedChat, say: Callable[[str], None]) -> None:
    """The cost of a stream: until its first frame, and per token."""
    frames = sorted(await first_frame(service, 50))
    p95 = frames[round(len(frames) * 0.95) - 1]
    say(f"\nFirst frame of a stream: median {statistics.median(frames) * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms")
    model.replies, token = [], await per_token(service, model)
    say(f"Per streamed token: {token * 1000:.3f} ms")


async def only_streams(say: Callable[[str], None]) -> None:
    model = ScriptedChat(replies=[reply], repeat=True)
    with tempfile.TemporaryDirectory() as folder:
        async with running(settings_for(Path(folder)), model) as service:
            await turn(service.http, "chat", None, stream=True)
            await streams(service, model, say)


async def main(turns: int, say: Callable[[str], None]) -> None:
    process = psutil.Process()
    model = ScriptedChat(replies=[reply], repeat=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(Path(folder), max_kernels=64, max_kernels_per_user=64)
        async with running(settings, model) as service:
            await turn(service.http, "chat", None, stream=False)
            before = process.memory_info().rss
            say("| turn | clients | median ms | p95 ms | turns/s |\n|---|---|---|---|---|")
            for mode, label in (("chat", "chat"), ("react", "ReAct, three steps")):
                for stream in (False, True):
                    for clients in CLIENTS:
                        name = f"{label}, {'streamed' if stream else 'JSON'}"
                        each = max(3, turns // clients if mode == "chat" else turns // clients // 4)
                        limits = httpx.Limits(max_connections=64)
                        async with httpx.AsyncClient(base_url=service.url, timeout=600, limits=limits) as http:
                            row = await measure(name, mode, stream=stream, clients=clients, turns=each, http=http)
                        say(row.markdown())
            await streams(service, model, say)
            say(f"Memory: {before >> 20} MB after the first turn, {process.memory_info().rss >> 20} MB at the end")
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(Path(folder), python_code_preload_libraries=("pandas", "numpy", "matplotlib.pyplot"))
        async with running(settings, model) as service:
            results = sorted(await first_result(service, 31))
    median, p90 = statistics.median(results) * 1000, results[27 - 1] * 1000
    say(f"New session to first Python result over HTTP: median {median:.0f} ms, p90 {p90:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=240, help="turns per measurement, shared by its clients")
    parser.add_argument(
        "--streams", action="store_true", help="only measure a stream's first frame and the cost per token"
    )
    given = parser.parse_args()
    asyncio.run(only_streams(print) if given.streams else main(given.turns, print))
