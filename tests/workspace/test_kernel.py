"""Real kernels in the real sandbox, through the interface that the agent uses."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psutil
import pytest

from tests.processes import all_end
from workspace import kernel as kernel_module
from workspace.kernel import Kernel
from workspace.session import SessionWorkspace
from workspace.workspaces import Workspaces

Opened = Callable[..., AbstractAsyncContextManager[Workspaces]]


async def test_it_remembers_and_says_what_a_model_needs(kernel: Kernel) -> None:
    first = await kernel.run("x = 20\nprint('hello')\nx + 1")
    assert (first.status, first.stdout, first.value) == ("ok", "hello\n", "21")
    wrong = await kernel.run("y = 1\nx / 0")
    assert wrong.status == "error"
    assert wrong.error is not None
    assert wrong.error.short() == "Line 2: x / 0\nZeroDivisionError: division by zero"
    syntax = await kernel.run("def f(:")
    assert syntax.error is not None
    assert syntax.error.line == 1
    made = await kernel.run("_ = open('out.txt', 'w').write('x')")
    assert made.new_files == ["out.txt"]
    assert [(v.name, v.type, v.detail) for v in await kernel.variables()] == [("x", "int", "20"), ("y", "int", "1")]


async def test_figures_become_files_without_savefig(workspace: SessionWorkspace) -> None:
    result = await workspace.kernel.run("plt.plot([1, 2])\nprint('drawn')")
    assert (result.stdout, result.new_files) == ("drawn\n", ["figure-1.png"])
    assert (workspace.folder / "figure-1.png").read_bytes().startswith(b"\x89PNG")


async def test_displayed_pictures_become_files(workspace: SessionWorkspace) -> None:
    code = "from IPython.display import Image, HTML\nplt.plot([1]); plt.savefig('a.png')\n"
    assert (await workspace.kernel.run(code + "Image('a.png')")).new_files == ["a.png", "image.png"]
    assert (await workspace.kernel.run("HTML('<b>hi</b>')")).new_files == ["value.html"]
    assert (workspace.folder / "value.html").read_text() == "<b>hi</b>"


async def test_runaway_code_is_interrupted_and_variables_stay(kernel: Kernel) -> None:
    await kernel.run("x = 1")
    result = await kernel.run("while True: pass", timeout=0.5)
    assert result.status == "timeout"
    assert (await kernel.run("x")).value == "1"


async def test_code_that_ignores_the_interrupt_is_killed_and_variables_come_back(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_module, "INTERRUPT_GRACE", 0.2)
    await kernel.run("x = 1")
    code = "y = 2\nimport signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    assert (await kernel.run(code, timeout=0.5)).status == "timeout"
    assert (await kernel.run("x, 'y' in dir()")).value == "(1, False)"


async def test_a_dead_kernel_is_replaced_with_its_variables(kernel: Kernel) -> None:
    await kernel.run("x = [1]\ny = x")
    assert (await kernel.run("import os; os._exit(1)")).status == "died"
    after = await kernel.run("x is y, x")
    assert (after.status, after.value, after.lost) == ("ok", "(True, [1])", {})


async def test_a_kernel_that_dies_between_cells_is_replaced(kernel: Kernel) -> None:
    await kernel.run("x = 1")
    await saved(kernel)
    assert kernel._process is not None
    os.kill(kernel._process.pid, signal.SIGKILL)
    assert (await kernel.run("x + 1")).value == "2"


async def test_what_cannot_be_kept_is_told_by_name_and_reason(kernel: Kernel) -> None:
    await kernel.run("x = 1\ng = (i for i in range(3))")
    await saved(kernel)
    (g,) = [v for v in await kernel.variables() if v.name == "g"]
    assert not g.kept
    assert "generator" in g.reason
    await kernel.close()
    assert {v.name: v.kept for v in await kernel.variables()} == {"x": True, "g": False}
    after = await kernel.run("x")
    assert after.value == "1"
    assert "generator" in after.lost["g"]


async def test_a_bomb_of_memory_ends_the_kernel_and_says_why(
    workspaces: Workspaces, workspace: SessionWorkspace
) -> None:
    result = await workspace.kernel.run("x = bytearray(1 << 30)\ny = [bytes(1 << 20) for _ in range(3000)]")
    assert result.status in ("died", "error")
    assert "memory" in f"{result.why_died} {result.error}".lower()
    assert (await workspace.kernel.run("1 + 1")).value == "2"


async def test_a_giant_message_is_survived(kernel: Kernel) -> None:
    await kernel.run("x = 1")
    code = "from IPython.display import display\ndisplay({'application/x-big': 'x' * 50_000_000}, raw=True)"
    await kernel.run(code)
    assert (await kernel.run("x")).value == "1"


async def saved(kernel: Kernel) -> None:
    """Until the current snapshot is written."""
    if kernel._saving is not None:
        await kernel._saving


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


async def test_a_flood_of_output_is_cut(kernel: Kernel) -> None:
    result = await kernel.run("for i in range(10_000): print(i)")
    assert result.stdout.startswith("0\n1\n")
    assert result.stdout.endswith("9999\n")
    assert len(result.stdout) < 1200


async def test_the_environment_holds_no_secret(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-secret")
    assert "secret" not in ((await kernel.run("import os; dict(os.environ)")).value or "")


async def test_cells_of_one_kernel_wait_for_each_other(kernel: Kernel) -> None:
    await kernel.run("n = 0")
    await asyncio.gather(*(kernel.run("m = n; import time; time.sleep(0.01); n = m + 1") for _ in range(5)))
    assert (await kernel.run("n")).value == "5"


async def test_too_many_kernels_make_the_idle_ones_end_and_the_others_wait(opened: Opened) -> None:
    async with opened(max_kernels=2) as house:
        first, second, third = [await house.open(name, "ann") for name in ("a", "b", "c")]
        await first.kernel.run("x = 1")
        await second.kernel.run("y = 2")
        await third.kernel.run("z = 3")
        assert [w.kernel.running for w in (first, second, third)] == [False, True, True]
        hold = asyncio.Event()
        busy = [
            asyncio.create_task(
                w.kernel.run("print(1, flush=True); import time; time.sleep(60)", on_output=lambda _: hold.set())
            )
            for w in (second, third)
        ]
        await hold.wait()
        waiting = asyncio.create_task(first.kernel.run("x"))
        await asyncio.wait({waiting}, timeout=0.3)
        assert not waiting.done()
        busy[0].cancel()
        await asyncio.gather(busy[0], return_exceptions=True)
        await house.rest()
        assert (await waiting).value == "1"
        busy[1].cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def test_regression_a_start_that_was_cancelled_kept_its_room(opened: Opened) -> None:
    async with opened(max_kernels=1) as house:
        first, second = [(await house.open(name, "ann")).kernel for name in ("a", "b")]
        starting = asyncio.create_task(first.run("1"))
        while first not in house._rooms._starting:  # noqa: ASYNC110
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        assert (await second.run("2")).value == "2"


async def test_an_idle_kernel_ends_and_its_variables_come_back(opened: Opened) -> None:
    async with opened(kernel_idle_minutes=0.1 / 60, sweep_seconds=0.02) as house:
        kernel = (await house.open("s", "ann")).kernel
        await kernel.run("x = 41")
        assert kernel._process is not None
        await kernel._process.wait_for_exit()
        assert (await kernel.run("x + 1")).value == "42"


async def test_the_longest_idle_kernel_ends_when_memory_is_short(opened: Opened) -> None:
    async with opened(reserve_memory=1 << 60, sweep_seconds=0.5) as house:
        first, second = [(await house.open(name, "ann")).kernel for name in ("a", "b")]
        await first.run("x = 1")
        process = first._process
        assert process is not None
        await second.run("y = 1")
        await process.wait_for_exit()
        assert (await first.run("x")).value == "1"


async def test_regression_a_slow_snapshot_held_up_the_others(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_module, "LISTING_GRACE", 0.2)
    async with opened(max_kernels=2, closing_seconds=0.2, sweep_seconds=0.1) as house:
        slow, quick, third = [(await house.open(name, "ann")).kernel for name in ("a", "b", "c")]
        await slow.run("class E:\n    def __reduce_ex__(self, p):\n        while True: pass\ne = E()")
        await quick.run("x = 1")
        async with asyncio.timeout(20):
            await third.run("y = 1")
            await house.rest()
            assert await slow.variables() == []
        assert slow.running


async def test_regression_a_deep_tree_made_a_session_useless(kernel: Kernel) -> None:
    code = "import os\nfor i in range(1500): os.mkdir('d'); os.chdir('d')\nos._exit(1)"
    await kernel.run(code)
    assert (await kernel.run("1 + 1")).value == "2"


async def test_regression_a_file_name_that_is_no_text_broke_the_answer(kernel: Kernel) -> None:
    result = await kernel.run("for name in (b'\\xff.csv', b'a.csv'): open(name, 'w').close()")
    assert result.new_files == ["a.csv"]


async def test_variables_outlive_the_service(opened: Opened) -> None:
    for code, value in (("x = {1: 'a'}\nx", "{1: 'a'}"), ("x", "{1: 'a'}")):
        async with opened() as house:
            assert (await (await house.open("s", "ann")).kernel.run(code)).value == value


HOST = """
import asyncio, sys
from pathlib import Path
from workspace.settings import WorkspaceSettings
from tests.processes import all_end
from workspace.jail.settings import JailSettings
from workspace.workspaces import Workspaces

async def main():
    folder = Path(sys.argv[1])
    jail = JailSettings(python_code_preload_libraries=())
    places = {"sessions": folder / "sessions", "snapshots": folder / "snapshots", "scratch": folder}
    house = Workspaces(WorkspaceSettings(), jail, **places, max_file_bytes=64 << 20)
    await house.start(boot=False)
    kernel = (await house.open("s", "ann")).kernel

    def begun(_: str) -> None:
        print(kernel._process.pid, house.jail.fork_server_pid, flush=True)

    code = "import subprocess; p = subprocess.Popen(['sleep', '600']); print('begun'); import time; time.sleep(600)"
    await kernel.run(code, timeout=600, on_output=begun)

asyncio.run(main())
"""


async def test_nothing_outlives_a_service_that_is_killed(tmp_path: Path) -> None:
    await all_end(await asyncio.to_thread(kill_a_service, tmp_path))


def kill_a_service(tmp_path: Path) -> list[psutil.Process]:
    """The processes that it had started."""
    with subprocess.Popen([sys.executable, "-c", HOST, str(tmp_path)], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        left = [psutil.Process(int(pid)) for pid in host.stdout.readline().split()]
        left += [child for process in left for child in process.children(recursive=True)]
        assert any(process.name() == "sleep" for process in left)
        host.send_signal(signal.SIGKILL)
        host.wait()
    return left
