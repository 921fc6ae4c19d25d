"""Normal operation of a kernel: cells, output, figures, interrupts."""

import asyncio
from pathlib import Path

import psutil
import pytest

from tests.processes import all_end
from workspace.jail.channels.messages import Display
from workspace.jail.handle import JailedKernel, KernelGone
from workspace.jail.kernels import JailedKernels

from .conftest import Launch
from .driver import Cell, run


async def test_a_cell_prints_and_has_a_value(kernel: JailedKernel) -> None:
    cell = await run(kernel, "print('hello'); 6 * 7")
    assert (cell.text, cell.value, cell.error) == ("hello\n", "42", "")


async def test_libraries_are_there_before_the_first_cell(kernel: JailedKernel) -> None:
    code = "import sys; {'pandas', 'numpy', 'matplotlib.pyplot'} <= set(sys.modules)"
    assert (await run(kernel, code)).value == "True"


async def test_top_level_await_and_threads_work(kernel: JailedKernel) -> None:
    code = """
import asyncio, threading
await asyncio.sleep(0)
found = []
thread = threading.Thread(target=lambda: found.append(sum(range(10))))
thread.start(); thread.join(); found
"""
    assert (await run(kernel, code)).value == "[45]"


async def test_child_processes_and_pools_work(kernel: JailedKernel) -> None:
    code = """
import subprocess, multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool:
    squares = pool.map(abs, [-1, -2])
subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout, squares
"""
    assert (await run(kernel, code)).value == "('hi\\n', [1, 2])"


async def test_shell_commands_print(kernel: JailedKernel) -> None:
    cell = await run(kernel, "!echo from the shell; exit 3")
    assert cell.text == "from the shell\n"
    assert (await run(kernel, "_exit_code")).value == "3"


async def test_output_of_c_code_is_seen(kernel: JailedKernel) -> None:
    assert "raw" in (await run(kernel, "import os, time; os.write(1, b'raw'); time.sleep(0.5)")).text


async def test_an_error_has_a_name(kernel: JailedKernel) -> None:
    assert (await run(kernel, "1 / 0")).error == "ZeroDivisionError: division by zero"


async def test_files_of_the_session_can_be_read_and_written(kernel: JailedKernel) -> None:
    (kernel.folder / "in.txt").write_text("from the server", encoding="utf-8")
    cell = await run(kernel, "text = open('in.txt').read(); open('out.txt', 'w').write(text.upper())")
    assert cell.error == ""
    assert (kernel.folder / "out.txt").read_text(encoding="utf-8") == "FROM THE SERVER"


async def test_modules_written_by_the_session_can_be_imported(kernel: JailedKernel) -> None:
    await run(kernel, "open('helper.py', 'w').write('answer = 42')")
    assert (await run(kernel, "import helper; helper.answer")).value == "42"


async def test_an_interrupt_ends_the_cell_and_keeps_the_variables(kernel: JailedKernel) -> None:
    cell = Cell()
    code = "x = 1\nprint('begun', flush=True)\nimport time; time.sleep(60)"
    running = asyncio.create_task(run(kernel, code, cell=cell))
    await asyncio.wait_for(cell.spoke.wait(), 10)
    await kernel.interrupt()
    await running
    assert cell.error.startswith("KeyboardInterrupt")
    assert (await run(kernel, "x")).value == "1"


async def test_an_interrupt_between_cells_does_nothing(kernel: JailedKernel) -> None:
    await run(kernel, "x = 2")
    await kernel.interrupt()
    assert (await run(kernel, "x")).value == "2"


async def test_a_figure_left_open_becomes_a_file(kernel: JailedKernel) -> None:
    cell = await run(kernel, "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])")
    assert cell.error == ""
    assert (kernel.folder / "figure-1.png").read_bytes().startswith(b"\x89PNG")
    assert cell.displays == [Display("Figure saved as figure-1.png", artifact="figure-1.png")]


async def test_shown_figures_become_files_and_saved_ones_are_not_doubled(kernel: JailedKernel) -> None:
    code = """
import matplotlib.pyplot as plt, pandas as pd
plt.plot([1]); plt.show()
pd.Series([1, 2]).plot(); plt.savefig("mine.png")
"""
    assert (await run(kernel, code)).error == ""
    assert sorted(p.name for p in kernel.folder.glob("*.png")) == ["figure-1.png", "mine.png"]


async def test_long_output_is_cut_with_a_note(kernel: JailedKernel) -> None:
    cell = await run(kernel, "for _ in range(200): print('x' * 1_000_000)")
    assert len(cell.text) < 101_000
    assert "[output cut after 99328 characters]" in cell.text
    assert (await run(kernel, "print('next')")).text == "next\n"


async def test_a_long_value_is_cut_with_a_note(kernel: JailedKernel) -> None:
    cell = await run(kernel, "'y' * 50_000_000")
    assert cell.value.endswith("[cut: 50000002 characters in all]")
    assert len(cell.value) < 101_000


async def test_kernels_draw_different_random_numbers(launch: Launch) -> None:
    code = "import random, numpy as np, uuid; (random.random(), np.random.rand(), str(uuid.uuid4()))"
    drawn = [(await run(await launch(name), code)).value for name in "ab"]
    assert drawn[0] != drawn[1]


async def test_a_kernel_that_exits_is_gone(kernel: JailedKernel) -> None:
    assert (await run(kernel, "import os; os._exit(3)")).died
    assert await kernel.wait_for_exit() == 3
    assert not kernel.alive
    with pytest.raises(KernelGone):
        await kernel.snapshot()


async def test_closing_a_kernel_takes_its_children_along(kernel: JailedKernel) -> None:
    code = "import subprocess; p = subprocess.Popen(['sleep', '1000'], start_new_session=True); print('up'); p.wait()"
    cell = Cell()
    running = asyncio.create_task(run(kernel, code, cell=cell))
    await cell.spoke.wait()
    children = psutil.Process(kernel.pid).children(recursive=True)
    assert [child.name() for child in children] == ["sleep"]
    await kernel.aclose()
    await all_end(children, seconds=5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_folder_elsewhere_is_refused(kernels: JailedKernels, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not in"):
        await kernels.launch("s", tmp_path / "s")
    with pytest.raises(ValueError, match="not a session ID"):
        await kernels.launch("../s", kernels.sessions / "s")


async def test_ten_kernels_start_at_once(launch: Launch) -> None:
    started = await asyncio.gather(*(launch(f"p{n}") for n in range(10)))
    cells = await asyncio.gather(*(run(kernel, f"{n} * 2") for n, kernel in enumerate(started)))
    assert [cell.value for cell in cells] == [str(n * 2) for n in range(10)]


async def test_programs_give_the_service_precedence(kernel: JailedKernel) -> None:
    """Regression: sixteen sessions, or one with many sessions of processes, left the service little of a processor."""
    code = """
import os, subprocess
before = os.getsid(0)
child = subprocess.run(["sh", "-c", "ps -o sid= -p $$ 2>/dev/null || cut -d' ' -f6 /proc/$$/stat"],
                       start_new_session=True, capture_output=True, text=True)
os.nice(0), os.getsid(0) == before, int(child.stdout) == before
"""
    assert (await run(kernel, code)).value == "(5, True, True)"
    assert (await run(kernel, "os.nice(-1)")).error.startswith("PermissionError")
