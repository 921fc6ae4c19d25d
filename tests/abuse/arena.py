"""One attack after the other on a running service, and what a witness and the service's resources say of it."""

import asyncio
import itertools
import re
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from tests.abuse.attacks import Attack
from tests.abuse.enemy import Enemy, enemy
from tests.abuse.gauge import Peak, Taken
from tests.abuse.service import RunningService, running_service
from tests.abuse.site import Site, site
from tests.abuse.witness import KINDS, LAG, Diary, Sample, witness

SECONDS = 2.5
"""How long an attack lasts."""
ABANDONED = 10.0
"""Seconds until a cancelled attack has ended."""
QUIET_SECONDS = 6.0
RECOVERY_SECONDS = 60.0
AFTERMATH = 1.0
"""Seconds after an attack that still count as the attack, for what the witness notices."""
MAX_HEALTH = 1.0
MAX_SLOWER, MIN_P95 = 3, 1.0
"""How many times slower the witness may become, unless it still waits less than so many seconds."""
MEMORY, DISK, DESCRIPTORS, PROCESSES = 96 << 20, 16 << 20, 24, 3
"""How far from where they were the resources may end."""
BLOCKED = re.compile(r"the event loop has been blocked for (\d+) ms by:(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Latency:
    """In seconds; of `count` requests."""

    p50: float
    p95: float
    most: float
    count: int


def latencies(samples: Sequence[Sample]) -> dict[str, Latency]:
    """By kind of request."""
    found = {}
    for kind in (*KINDS, LAG):
        times = sorted(one.seconds for one in samples if one.kind == kind)
        if times:
            p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
            found[kind] = Latency(statistics.median(times), p95, times[-1], len(times))
    return found


@dataclass
class Figures:
    """What one attack did."""

    attack: Attack
    latency: dict[str, Latency] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    """Of the witness."""
    before: Taken | None = None
    peak: Taken | None = None
    after: Taken | None = None
    recovered_in: float | None = None
    """Seconds until the resources were back; None: they were not."""
    answers: Counter[str] = field(default_factory=Counter)
    """What the attacker got."""
    failure: str = ""
    """Why the attack itself could not go on."""
    blocks: list[str] = field(default_factory=list)
    """How long the event loop was blocked, and by what."""

    def faults(self, quiet: dict[str, Latency]) -> list[str]:
        """What must not be."""
        found = [f"the attack failed: {self.failure}"] if self.failure else []
        found += [f"the witness got an error: {error}" for error in sorted(set(self.errors))[:5]]
        found += [f"the attacker got {status}" for status in self.answers if status.startswith("5") and status != "503"]
        lag = self.latency[LAG].most if LAG in self.latency else 0.0
        for kind in (kind for kind in KINDS if kind in self.latency):
            latency = self.latency[kind]
            limit = MAX_HEALTH if kind == "health" else max(MAX_SLOWER * quiet[kind].p95, MIN_P95)
            seen = latency.most if kind == "health" else latency.p95
            if seen > limit:
                found.append(
                    f"{kind} took {seen:.2f} s ({quiet[kind].p95:.2f} s when it is quiet; witness late by {lag:.2f} s)"
                )
        found += [f"there was no {kind}" for kind in KINDS if kind not in self.latency]
        if self.recovered_in is None and self.before and self.after:
            found.append(f"resources did not return: {self.before} -> {self.after}")
        return found


@dataclass
class Arena:
    """A service with a witness."""

    service: RunningService
    diary: Diary
    site: Site
    quiet: dict[str, Latency]
    base: Taken

    async def attempt(self, attack: Attack) -> Figures:
        """Attack for some seconds, dismiss the attacker, and wait for the resources to return."""
        figures = Figures(attack, before=self.base)
        name, token = await asyncio.to_thread(self.service.user)
        logged = self.service.log.stat().st_size
        with Peak(self.service.gauge) as peak:
            began = time.monotonic()
            async with enemy(self.service.port, token, self.site) as attacker:
                figures.failure = await _bounded(attack, attacker)
                figures.answers = attacker.answers
            ended = time.monotonic()
            await asyncio.sleep(AFTERMATH)
        figures.peak = peak.taken
        await self._dismiss(name)
        await self._recover(figures, time.monotonic())
        samples = self.diary.between(began, ended + AFTERMATH)
        figures.latency = latencies(samples)
        figures.errors = [f"{one.kind}: {one.error}" for one in samples if one.error]
        figures.blocks = _blocks(self.service.log, logged)
        return figures

    async def _dismiss(self, name: str) -> None:
        for wait in itertools.count(1):
            try:
                await asyncio.to_thread(self.service.dismiss, name)
                return
            except httpx.HTTPError:
                if wait == 20:
                    raise
            await asyncio.sleep(0.5)

    async def _recover(self, figures: Figures, began: float) -> None:
        while True:
            after = figures.after = await asyncio.to_thread(self.service.gauge.taken)
            elapsed = time.monotonic() - began
            fresh = self.diary.fresh(began)
            if fresh and _returned(self.base, after):
                figures.recovered_in = elapsed
                self.base = replace(self.base, disk=after.disk)  # the witness's conversations take some too
                return
            if elapsed > RECOVERY_SECONDS:
                self.base = after  # what is lost is charged once
                return
            await asyncio.sleep(0.1)


async def _bounded(attack: Attack, attacker: Enemy) -> str:
    """Attack for the allowed time. Returns why it ended early, if that was its own fault."""
    attacking = asyncio.ensure_future(attack.run(attacker))
    await asyncio.wait({attacking}, timeout=SECONDS)
    if attacking.done() and attacking.exception() is not None:
        return repr(attacking.exception())
    attacking.cancel()
    await asyncio.wait({attacking}, timeout=ABANDONED)
    return "" if attacking.done() else "it did not end"


def _returned(base: Taken, after: Taken) -> bool:
    return (
        after.memory - base.memory <= MEMORY
        and after.main - base.main <= MEMORY
        and after.disk - base.disk <= DISK
        and after.descriptors - base.descriptors <= DESCRIPTORS
        and after.processes - base.processes <= PROCESSES
    )


def _blocks(log: Path, start: int) -> list[str]:
    with log.open(errors="replace") as file:
        file.seek(start)
        text = file.read()
    return [f"{found[1]} ms: {found[2]}".replace("\\n", "\n") for found in BLOCKED.finditer(text)]


@asynccontextmanager
async def arena(folder: Path) -> AsyncIterator[Arena]:
    """A service that has warmed up, and what a quiet witness measures."""
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(site())
        host = f"127.0.0.1:{web.port}"
        starting = running_service(folder, WEB_ALLOW_PRIVATE_HOSTS=host, WEB_PORTS=f"80,443,{web.port}")
        service = await asyncio.to_thread(starting.__enter__)
        stack.push_async_callback(asyncio.to_thread, starting.__exit__, None, None, None)
        _, token = await asyncio.to_thread(service.user, requests_per_minute=0)
        await _warm_up(service, web)
        diary = stack.enter_context(witness(service.url, token))
        began = time.monotonic()
        await asyncio.sleep(QUIET_SECONDS)
        quiet = latencies(diary.between(began + 1, began + QUIET_SECONDS))
        base = await asyncio.to_thread(service.gauge.taken)
        yield Arena(service, diary, web, quiet, base)


async def _warm_up(service: RunningService, web: Site) -> None:
    """Load what is loaded at the first use: the model of vectors, readers, kernels."""
    name, token = await asyncio.to_thread(service.user)
    async with enemy(service.port, token, web) as user:
        await user.post("/v1/embeddings", {"input": ["word " * 100] * 4})
        await user.analyze(("table.csv", b"a,b\n1,2\n"), ("text.txt", b"some words " * 500))
        await user.tool("rag_retriever", query="words")
        await user.tool("read_page", url=f"{web.url}/deep")
        await user.chat("say 100000")
        await user.cells("x = 1\nprint(x)", sessions=4, rounds=1)
    await asyncio.to_thread(service.dismiss, name)
