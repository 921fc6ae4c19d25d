"""A kernel's messages are hostile input: whatever it sends, it costs that kernel alone."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil
import pytest

from workspace.jail.handle import JailedKernel

from .conftest import Launch
from .driver import Cell, run

MAX_LAG = 0.5
MAX_GROWTH = 60 << 20

SOCKETS = """
import os, socket, stat, threading, time
def connected():
    for name in os.listdir('/proc/self/fd'):
        try:
            if stat.S_ISSOCK(os.stat(f'/proc/self/fd/{name}').st_mode):
                end = socket.socket(fileno=os.dup(int(name)))
                if end.type == socket.SOCK_STREAM and end.getpeername() is not None: yield end
        except OSError: pass
def write(data, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for end in connected():
            try: end.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except OSError: pass
            finally: end.close()
"""
SEND = """
import threading, time
app = get_ipython().kernel
parent = app.get_parent()
def publish(kind, content, **more):
    message = app.session.msg(kind, content, parent=parent)
    message.update(more)
    app.iopub_thread.schedule(lambda: app.session.send(app.iopub_thread.socket, message))
"""

ATTACKS = {
    "a frame without end on its sockets": f"{SOCKETS}\nwrite(b'\\x02' + b'\\xff' * 8 + bytes(500), 1)",
    "garbage on its sockets": f"{SOCKETS}\nwrite(os.urandom(500), 1)",
    "parts without end on its sockets": f"{SOCKETS}\nwrite((b'\\x01\\xff' + bytes(255)) * 400, 2)",
    "large parts without end": f"{SOCKETS}\nwrite(b'\\x03' + (1 << 20).to_bytes(8, 'big') + bytes(1 << 20), 2)",
    "commands without end": f"{SOCKETS}\nwrite((b'\\x04\\xff' + bytes(255)) * 400, 1)",
    "dates in a header": f"""{SEND}
publish('stream', {{}}, parent_header={{str(n): '2026-11-30T12:00:00.000000Z' for n in range(40_000)}})""",
    "keys without end": f"{SEND}\npublish('display_data', {{'data': {{str(n): 0 for n in range(150_000)}}}})",
    "deep nesting": f"""{SEND}
app.session.pack = lambda thing: b'[' * 1_000_000
publish('display_data', {{}})""",
    "many messages": f"{SEND}\nfor _ in range(50_000): publish('stream', {{'name': 'stdout', 'text': ''}})",
    "more output than allowed": f"""{SEND}
for _ in range(100): publish('stream', {{'name': 'stdout', 'text': 'x' * 50_000}})""",
    "a reply of another kind": f"{SEND}\napp.do_execute = None\nget_ipython().run_cell = lambda *a, **k: 7",
    "an end of the output, early": f"{SEND}\nfor _ in range(99): publish('status', {{'execution_state': 'idle'}})",
    "no threads left": "import threading\nfor t in threading.enumerate(): t.join = None\nthreading.Thread.start = None",
    "closed sockets": "import os\nos.closerange(3, 2000)",
    "a kernel that stops": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
}


@dataclass
class Watch:
    """What an attack did to the service."""

    lag: float = 0.0
    """The longest time in seconds that the event loop was not free."""
    growth: int = 0
    """Bytes of memory that the service gained at most."""


@asynccontextmanager
async def watched() -> AsyncIterator[Watch]:
    watch = Watch()
    process = psutil.Process()
    before = process.memory_info().rss

    async def look() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.02)
            watch.lag = max(watch.lag, time.monotonic() - began - 0.02)
            watch.growth = max(watch.growth, process.memory_info().rss - before)

    looking = asyncio.create_task(look())
    try:
        yield watch
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def attempt(kernel: JailedKernel, code: str) -> Cell:
    """Run it as the service does: killed if it does not end."""
    try:
        return await run(kernel, code, seconds=5)
    except AssertionError:
        kernel.kill("it did not end")
        return Cell(died=True)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_on_the_wire_costs_its_own_kernel_alone(name: str, launch: Launch) -> None:
    attacker, neighbour = await asyncio.gather(launch("attacker"), launch("neighbour"))
    async with watched() as watch:
        attacking = asyncio.create_task(attempt(attacker, ATTACKS[name]))
        while not attacking.done():
            assert (await run(neighbour, "1 + 1", seconds=5)).value == "2"
        await attempt(attacker, "print('after')")
    assert watch.lag < MAX_LAG
    assert watch.growth < MAX_GROWTH


@pytest.mark.parametrize("seconds", [3])
async def test_an_idle_kernel_fills_no_memory(seconds: float, kernel: JailedKernel) -> None:
    code = f"""{SEND}
def flood():
    until = time.monotonic() + {seconds}
    while time.monotonic() < until:
        publish('stream', {{'name': 'stdout', 'text': 'x' * 500_000}})
        time.sleep(0.001)
threading.Thread(target=flood, daemon=True).start()"""
    async with watched() as watch:
        await run(kernel, code)
        await asyncio.sleep(seconds)
    assert watch.growth < MAX_GROWTH
    assert watch.lag < MAX_LAG


async def test_regression_garbage_written_after_a_reply_blocked_the_next_request(kernel: JailedKernel) -> None:
    """The request was sent by the event loop to a socket without a peer, which waited for one for ever."""
    code = f"{SOCKETS}\nthreading.Thread(target=write, args=(b'\\x02' + b'\\xff' * 8 + bytes(500), 4)).start()"
    async with watched() as watch:
        await run(kernel, code)
        for _ in range(5):
            if (await attempt(kernel, "1 + 1")).died:
                break
    assert watch.lag < MAX_LAG


async def test_a_kernel_that_broke_the_protocol_says_so(kernel: JailedKernel) -> None:
    assert (await run(kernel, ATTACKS["more output than allowed"])).died
    assert kernel.why_it_died.startswith("it broke the protocol: more than ")
