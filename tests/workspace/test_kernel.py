"""Real kernels."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from workspace.kernel import Kernel
from workspace.settings import WorkspaceSettings


@pytest.fixture
async def kernel(tmp_path: Path) -> AsyncIterator[Kernel]:
    kernel = Kernel(tmp_path, WorkspaceSettings(code_timeout=30, preload=()))
    yield kernel
    await kernel.close()


async def test_it_remembers_and_says_what_a_model_needs(kernel: Kernel, tmp_path: Path) -> None:
    first = await kernel.run("x = 20\nprint('hello')\nx + 1")
    assert (first.status, first.stdout, first.value) == ("ok", "hello\n", "21")
    wrong = await kernel.run("y = 1\nx / 0")
    assert wrong.status == "error"
    assert wrong.error is not None
    assert wrong.error.short() == "Line 2: x / 0\nZeroDivisionError: division by zero"
    syntax = await kernel.run("def f(:")
    assert syntax.error is not None
    assert syntax.error.line == 1
    made = await kernel.run("open('out.txt', 'w').write('x'); import os; os.getcwd()")
    assert made.new_files == ["out.txt"]
    assert made.value == repr(str(tmp_path))
    assert [(v.name, v.type) for v in await kernel.variables()] == [("x", "int"), ("y", "int")]


async def test_figures_become_files(kernel: Kernel, tmp_path: Path) -> None:
    result = await kernel.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    assert result.new_files == ["figure.png"]
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


async def test_runaway_code_is_interrupted_and_variables_stay(kernel: Kernel) -> None:
    await kernel.run("x = 1")
    result = await kernel.run("while True: pass", timeout=0.5)
    assert result.status == "timeout"
    assert (await kernel.run("x")).value == "1"


async def test_code_that_ignores_the_interrupt_is_killed(kernel: Kernel) -> None:
    code = "x = 1\nimport signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    assert (await kernel.run(code, timeout=0.5)).status == "timeout"
    after = await kernel.run("'x' in dir()")
    assert (after.value, after.variables_lost) == ("False", True)


async def test_a_dead_kernel_is_replaced_and_says_so(kernel: Kernel) -> None:
    await kernel.run("x = 1")
    assert (await kernel.run("import os; os._exit(1)")).status == "died"
    after = await kernel.run("1 + 1")
    assert (after.status, after.value, after.variables_lost) == ("ok", "2", True)


async def test_a_kernel_that_dies_between_cells_is_replaced(kernel: Kernel) -> None:
    pid = int((await kernel.run("import os; os.getpid()")).value or 0)
    os.kill(pid, signal.SIGKILL)
    after = await kernel.run("1 + 1")
    assert (after.value, after.variables_lost) == ("2", True)


async def test_a_cancelled_caller_interrupts_the_cell(kernel: Kernel) -> None:
    await kernel.run("x = 1")
    started = asyncio.Event()
    code = "print('go', flush=True)\nimport time\ntime.sleep(60)\nx = 2"
    running = asyncio.create_task(kernel.run(code, on_output=lambda _: started.set()))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await kernel.run("x")).value == "1"


async def test_a_flood_of_output_is_cut(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, WorkspaceSettings(preload=(), max_output_chars=1000))
    try:
        result = await kernel.run("for i in range(100_000): print(i)")
    finally:
        await kernel.close()
    assert result.stdout.startswith("0\n1\n")
    assert result.stdout.endswith("99999\n")
    assert len(result.stdout) < 1200


async def test_the_environment_holds_no_secret(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-secret")
    assert "secret" not in ((await kernel.run("import os; dict(os.environ)")).value or "")


async def test_cells_of_one_kernel_wait_for_each_other(kernel: Kernel) -> None:
    await kernel.run("n = 0")
    await asyncio.gather(*(kernel.run("m = n; import time; time.sleep(0.01); n = m + 1") for _ in range(5)))
    assert (await kernel.run("n")).value == "5"


HOST = """
import asyncio, sys
from pathlib import Path
from workspace.kernel import Kernel
from workspace.settings import WorkspaceSettings

async def main():
    kernel = Kernel(Path(sys.argv[1]), WorkspaceSettings(preload=()))
    result = await kernel.run("import os; os.getpid()")
    print(result.value, flush=True)
    await kernel.run("while True: pass", timeout=600)

asyncio.run(main())
"""


def test_no_kernel_outlives_a_service_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOST, str(tmp_path)], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        kernel = psutil.Process(int(host.stdout.readline()))
        host.send_signal(signal.SIGKILL)
        host.wait()
        assert kernel.wait(timeout=10) is None or not kernel.is_running()
    assert not psutil.pid_exists(kernel.pid)
