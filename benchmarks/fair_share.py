"""How long one user's calls into threads take while another user's threads compute.

`python -m benchmarks.fair_share [--calls N]`
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

from api.server import SWITCH_SECONDS, THREADS, THREADS_PER_USER
from workspace.fair_share import TENANT, FairExecutor

HOGS = 32
"""Calls of the first user at once."""
HOPS = 5
"""Calls into threads that the second user's request makes one after the other."""


def compute(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(number * number for number in range(1000))


async def hog(pool: Executor) -> None:
    TENANT.set("mallory")
    while True:
        await asyncio.get_running_loop().run_in_executor(pool, compute, 0.3)


async def measure(name: str, make: Callable[[], Executor], interval: float, calls: int, hogs: int) -> str:
    sys.setswitchinterval(interval)
    TENANT.set("alice")
    with make() as pool:
        tasks = [asyncio.create_task(hog(pool)) for _ in range(hogs)]
        await asyncio.sleep(0.1)
        times = []
        for _ in range(calls):
            began = time.perf_counter()
            for _ in range(HOPS):
                await asyncio.get_running_loop().run_in_executor(pool, sum, (1, 2))
            times.append((time.perf_counter() - began) * 1000)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return f"| {name} | {statistics.median(times):.1f} | {statistics.quantiles(times, n=20)[-1]:.1f} |"


async def main(calls: int, tell: Callable[[str], object]) -> None:
    asyncios = partial(ThreadPoolExecutor, 6)  # asyncio's default on two cores
    fair = partial(FairExecutor, THREADS, THREADS_PER_USER)
    default = 0.005
    tell("| | median ms | p95 ms |\n|---|---|---|")
    tell(await measure("nobody else, asyncio's default", asyncios, default, calls, 0))
    tell(await measure("nobody else, fair threads", fair, SWITCH_SECONDS, calls, 0))
    tell(
        await measure(f"{HOGS} calls of another user, asyncio's default", asyncios, default, max(3, calls // 20), HOGS)
    )
    tell(await measure(f"{HOGS} calls of another user, fair threads, default switching", fair, default, calls, HOGS))
    tell(await measure(f"{HOGS} calls of another user, fair threads", fair, SWITCH_SECONDS, calls, HOGS))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=60)
    asyncio.run(main(parser.parse_args().calls, print))
