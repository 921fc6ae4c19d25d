"""Bombs, floods and sudden deaths: the service continues, other sessions are served, variables are kept."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from workspace.jail.handle import JailedKernel, KernelGone
from workspace.jail.kernels import JailedKernels

from .conftest import SMALL, Launch
from .driver import Cell, run

DEATHS = int(os.environ.get("JAIL_DEATHS", "8"))

BOMBS = {
    "memory, in one go": "x = bytearray(10**10)",
    "memory, bit by bit": "x = []\nwhile True: x.append(bytearray(10**6))",
    "memory, in children": """
import os
for _ in range(8):
    if os.fork() == 0:
        x = bytearray(150 << 20)
        for i in range(0, len(x), 4096): x[i] = 1
        while True: pass
while True: pass
""",
    "memory, in scratch files": """
open('/tmp/big', 'wb').write(bytes(10**8))
""",
    "processes": """
import os
while True:
    try: os.fork()
    except OSError: pass
""",
    "threads": """
import threading, time
while True: threading.Thread(target=time.sleep, args=(1000,)).start()
""",
    "one large file": "open('big', 'wb').write(bytes(10**8))",
    "many large files": """
for i in range(1000):
    with open(f'big{i}', 'wb') as f: f.write(bytes(30 << 20))
""",
    "inodes": """
for i in range(100_000): open(f'small{i}', 'w').close()
""",
    "inodes in deep folders": """
import os
for i in range(100_000): os.makedirs(f'd{i % 50}/e{i}')
""",
    "a folder deeper than a path": """
import os
while True:
    os.mkdir('d' * 200); os.chdir('d' * 200); open('x', 'w').close()
""",
    "a folder that hides its size": """
import os
os.mkdir('big'); os.chdir('big'); os.chmod('../big', 0o000)
os.chmod('../big', 0o700)
for i in range(1000):
    fd = os.open(f'{i}', os.O_CREAT | os.O_WRONLY); os.chmod('../big', 0o000)
    os.write(fd, bytes(30 << 20)); os.close(fd); os.chmod('../big', 0o700)
""",
    "garbage on every descriptor": """
import os
for fd in range(3, 200):
    for garbage in (b'\\xff' * 64, b'\\x04\\xff' + bytes(60), os.urandom(5000)):
        try: os.set_blocking(fd, False); os.write(fd, garbage)
        except OSError: pass
""",
    "descriptors": "import os\nwhile True: os.dup(0)",
    "deep recursion": "import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
    "a crash of the interpreter": "import ctypes; ctypes.string_at(0)",
    "output": "while True: print('x' * 10_000)",
    "output of a child": "import subprocess; subprocess.run(['yes'], timeout=3)",
    "errors as output": "import sys\nwhile True: sys.stderr.write('e' * 10_000)",
    "a giant display": """
from IPython.display import display
for _ in range(20): display({'application/x': 'z' * 10_000_000}, raw=True)
""",
    "a giant error": "raise RuntimeError('r' * 50_000_000)",
    "a processor": "while True: pass",
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_hurts_nobody_else(name: str, launch: Launch, kernels: JailedKernels) -> None:
    bomber, neighbour = await asyncio.gather(launch("bomber"), launch("neighbour"))
    await run(bomber, "kept = 41")
    await bomber.snapshot()
    exploding = asyncio.create_task(run(bomber, BOMBS[name], seconds=100))
    for _ in range(3):
        assert (await run(neighbour, "1 + 1", seconds=20)).value == "2"
        await asyncio.wait({exploding}, timeout=1.0)
    await _end(bomber, exploding)
    try:
        await bomber.connect()
    except KernelGone:
        await bomber.aclose()
        _empty(bomber)
        bomber = await launch("bomber")
    assert (await run(bomber, "kept + 1", seconds=20)).value == "42"
    await bomber.aclose()
    assert psutil.Process().memory_info().rss < 1 << 30


async def _end(kernel: JailedKernel, exploding: "asyncio.Task[Cell]") -> None:
    """What the service does with a cell that takes too long: interrupt, then kill."""
    if not exploding.done():
        await kernel.interrupt()
        await asyncio.wait({exploding}, timeout=1.5)
    if not exploding.done():
        kernel.kill("it did not end")
    with contextlib.suppress(AssertionError):
        await exploding


def _empty(kernel: JailedKernel) -> None:
    subprocess.run(["rm", "-rf", kernel.folder], check=True)


async def test_memory_over_the_limit_is_named(launch: Launch) -> None:
    kernel = await launch("eater")
    assert (await run(kernel, BOMBS["memory, in children"])).died
    assert kernel.why_it_died.startswith("memory: ")
    assert kernel.why_it_died.endswith("400 MB allowed")


async def test_a_folder_over_the_limit_is_named_and_can_be_emptied(launch: Launch) -> None:
    kernel = await launch("hoarder")
    assert (await run(kernel, BOMBS["many large files"])).died
    assert kernel.why_it_died.startswith("files: ")
    kernel = await launch("hoarder")
    code = "import glob, os\nfor name in glob.glob('big*'): os.unlink(name)\nlen(os.listdir('.'))"
    assert (await run(kernel, code)).value == "0"


async def test_too_many_files_are_named(launch: Launch) -> None:
    kernel = await launch("litterer")
    assert (await run(kernel, BOMBS["inodes"])).died
    assert kernel.why_it_died == "files: more than 2000 in the folder"


async def test_forged_messages_are_passed_over(kernel: JailedKernel) -> None:
    code = """
app = get_ipython().kernel
socket = app.iopub_thread.socket
for frames in ([b'x'], [b'a', b'<IDS|MSG>'], [b'<IDS|MSG>', b'bad', *[b'{'] * 4], [b'\\xff' * 9] * 7):
    app.iopub_thread.schedule(lambda frames=frames: socket.send_multipart(frames))
idle = {'execution_state': 'idle'}
forged = app.session.msg('status', idle, parent={'msg_id': 'nobody', 'session': 'none'})
app.session.send(app.iopub_socket, forged)
forged['content'] = 'no object'
app.session.send(app.iopub_socket, forged)
print('still here')
"""
    assert (await run(kernel, code)).text == "still here\n"
    assert (await run(kernel, "1 + 1")).value == "2"


async def test_a_message_over_the_limit_never_reaches_the_server(kernel: JailedKernel) -> None:
    code = """
app = get_ipython().kernel
app.iopub_thread.schedule(lambda: app.iopub_thread.socket.send(bytes(20 << 20)))
"""
    before = psutil.Process().memory_info().rss
    assert (await run(kernel, code)).died
    assert kernel.why_it_died.startswith("it broke the protocol: ")
    assert psutil.Process().memory_info().rss - before < 100 << 20


async def test_sudden_deaths_of_kernels_and_fork_server(tmp_path: Path) -> None:
    small = SMALL.model_copy(update={"python_code_preload_libraries": ()})
    kernels = JailedKernels(small, sessions=tmp_path / "sessions", snapshots=tmp_path / "snapshots", key=b"k")
    await kernels.start()
    chance = random.Random(7)
    kernel = await kernels.launch("mortal", kernels.sessions / "mortal")
    await run(kernel, "deaths = 0")
    for death in range(DEATHS):
        assert (await run(kernel, "deaths = deaths + 1; deaths")).value == str(death + 1)
        await kernel.snapshot()
        if chance.random() < 0.3:
            family = psutil.Process(kernels.fork_server_pid).children(recursive=True)
            os.kill(chance.choice([kernels.fork_server_pid, family[0].pid]), signal.SIGKILL)
        else:
            os.kill(kernel.pid, signal.SIGKILL)
        await kernel.wait_for_exit()
        await kernel.aclose()
        kernel = await kernels.launch("mortal", kernels.sessions / "mortal")
    assert (await run(kernel, "deaths")).value == str(DEATHS)
    await kernels.aclose()


async def test_a_fork_server_that_does_not_answer_is_replaced(tmp_path: Path) -> None:
    settings = SMALL.model_copy(update={"python_code_preload_libraries": (), "start_seconds": 3})
    kernels = JailedKernels(settings, sessions=tmp_path / "sessions", snapshots=tmp_path / "snapshots", key=b"k")
    await kernels.start()
    os.kill(psutil.Process(kernels.fork_server_pid).children()[0].pid, signal.SIGSTOP)
    kernel = await kernels.launch("s", kernels.sessions / "s")
    assert (await run(kernel, "1 + 1")).value == "2"
    await kernels.aclose()


async def test_death_in_the_middle_of_a_cell_or_a_save(launch: Launch) -> None:
    kernel = await launch("s")
    await run(kernel, "import numpy as np; x = 1; big = np.ones(2_000_000)")
    await kernel.snapshot()
    cell = Cell()
    running = asyncio.create_task(run(kernel, "x = 2; print('now'); import time; time.sleep(100)", cell=cell))
    await cell.spoke.wait()
    saving = asyncio.create_task(kernel.snapshot())
    await asyncio.sleep(0)
    os.kill(kernel.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError):
        await saving
    assert (await running).died
    kernel = await launch("s")
    assert (await run(kernel, "x, big.sum()")).value.startswith("(1, ")
