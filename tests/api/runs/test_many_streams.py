"""A hundred streams at once, half of them dropped at random moments, leave nothing behind."""

import asyncio
import gc
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

import httpx
import psutil
from langchain_core.messages import BaseMessage

from api.runs.event_log import EventLog
from api.runs.live import KEEP_SECONDS
from api.runs.run import Run
from llm.scripted import ScriptedChat
from tests.api.client import rows, run
from tests.serving import Service, python_step, until

Start = Callable[..., AbstractAsyncContextManager[Service]]
CLIENTS = 100
PROGRAMS = 10
"""Every n-th client runs a program."""
SEED = 7


def reply(messages: list[BaseMessage]) -> str:
    """A program for prompts that ask for one, text for all others."""
    if "program" not in messages[-1].text:
        return "word " * 40
    return python_step("import time\nx = 1\ntime.sleep(0.3)\nprint(x)")


async def client(http: httpx.AsyncClient, number: int, frames: int | None) -> bool:
    """Ask, and leave after this many frames; True if the answer was complete."""
    asks = "a program" if number % PROGRAMS == 0 else "words"
    body = {
        "messages": [{"role": "user", "content": f"{number}: {asks}"}],
        "stream": True,
        "agent_type": "react" if asks == "a program" else "chat",
    }
    if frames == 0:
        with suppress(TimeoutError):  # disconnected before the first frame
            async with asyncio.timeout(random.Random(number).uniform(0.001, 0.1)):
                await http.post("/v1/chat/completions", json=body)
        return False
    async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert answer.status_code == 200
        seen = 0
        async for line in answer.aiter_lines():
            seen += line.startswith("data: ")
            if line == "data: [DONE]":
                return True
            if seen == frames:
                return False
    return False


def held() -> tuple[int, int, int]:
    """Tasks, file descriptors and processes of this test and the service in it."""
    me = psutil.Process()
    return len(asyncio.all_tasks()), me.num_fds(), len(me.children(recursive=True))


def living(kind: type) -> int:
    gc.collect()
    return sum(type(thing) is kind for thing in gc.get_objects())


async def test_a_crowd_leaves_nothing_behind(start: Start, model: ScriptedChat) -> None:
    chance = random.Random(SEED)
    others = living(Run), living(EventLog)
    model.replies, model.repeat, model.delay = [reply], True, 0.002
    async with start(user_concurrent_runs=0, user_requests_per_minute=0) as service:
        await run(service, "1")  # starts processes that live as long as the service
        (first,) = rows(service, "SELECT id FROM sessions")[0]
        await service.http.delete(f"/api/conversations/{first}")
        before = held()
        limits = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(base_url=service.url, timeout=120, limits=limits) as http:
            leaving = [chance.choice((0, 1, 2, 5, 20, 40)) if number % 2 else None for number in range(CLIENTS)]
            ended = await asyncio.gather(*(client(http, number, frames) for number, frames in enumerate(leaving)))
        assert ended == [frames is None for frames in leaving]
        await until(lambda: not service.server._locks._active, 30)
        assert rows(service, "SELECT count(*) FROM leases WHERE expires > 0") == [(0,)]
        assert rows(service, "SELECT count(*) FROM turns WHERE state = 'open'") == [(0,)]
        assert service.server._locks._busy.waiting == {}
        streams = service.server.config.app.state.services.live  # type: ignore[union-attr]
        assert streams._running == {}
        # Idle kernels and ended runs are kept for a while on purpose, until told to go.
        for (session,) in rows(service, "SELECT id FROM sessions WHERE title LIKE '%program%'"):
            assert (await service.http.delete(f"/api/conversations/{session}")).status_code == 200
        later = streams._clock() + KEEP_SECONDS + 1
        streams._clock = lambda: later
        streams._prune()
        await until(lambda: all(now <= then for now, then in zip(held(), before, strict=True)), 30)
        assert living(Run) <= others[0]
        assert living(EventLog) <= others[1]
