"""A cell is like a script: what it starts ends with it, and its output is its own."""

import asyncio
import time
import unicodedata

import psutil
import pytest
from PIL import Image

from tests.processes import ended
from tests.serving import until
from workspace.kernel import Kernel
from workspace.output import CellResult
from workspace.session import SessionWorkspace

SPIN = "import subprocess, sys, time\nburner = subprocess.Popen([sys.executable, '-c', 'while True: pass'])\n"
LEAVE = "import subprocess\nsubprocess.run(['sh', '-c', '(setsid sh -c \"while :; do :; done\" &)'])\n"


async def printed(kernel: Kernel, *cells: str) -> str:
    """The output of the last cell; every cell must succeed."""
    result = CellResult(status="ok")
    for cell in cells:
        result = await kernel.run(cell)
        assert result.status == "ok", (cell, result)
    return result.stdout


async def alone(kernel: Kernel) -> None:
    """Wait until the kernel has no other process than itself: the snapshot is saved, the cell's processes are gone."""
    assert kernel._process is not None
    process = psutil.Process(kernel._process.pid)
    await until(lambda: all(map(ended, process.children(recursive=True))), 15)


# Processes


@pytest.mark.parametrize("start", [SPIN, LEAVE])
async def test_the_processes_of_a_cell_end_with_it(kernel: Kernel, start: str) -> None:
    await printed(kernel, start)
    await alone(kernel)


@pytest.mark.parametrize("start", [SPIN, LEAVE])
async def test_the_processes_of_a_cell_end_with_its_time(kernel: Kernel, start: str) -> None:
    result = await kernel.run(start + "import time; time.sleep(60)", timeout=1)
    assert result.status == "timeout"
    await alone(kernel)
    assert kernel.running, "the kernel itself stays"


async def test_the_processes_of_a_cell_end_with_its_caller(kernel: Kernel) -> None:
    begun = asyncio.Event()
    code = SPIN + "print('begun'); time.sleep(60)"
    caller = asyncio.create_task(kernel.run(code, on_output=lambda _: begun.set()))
    await begun.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await alone(kernel)


async def test_a_killed_process_does_not_look_like_a_successful_one(kernel: Kernel) -> None:
    assert await printed(kernel, SPIN, "print(burner.poll())") == "-9\n"


async def test_a_process_pool_works_within_a_cell_and_says_afterwards_that_it_is_gone(kernel: Kernel) -> None:
    pool = "from concurrent.futures import ProcessPoolExecutor\npool = ProcessPoolExecutor(2)\n"
    assert await printed(kernel, pool + "print(list(pool.map(abs, [-1, -2])))") == "[1, 2]\n"
    result = await kernel.run("print(list(pool.map(abs, [-3])))")
    assert result.error is not None
    assert result.error.name == "BrokenProcessPool"


async def test_a_snapshot_outlives_the_next_cell(kernel: Kernel) -> None:
    await printed(kernel, "x = 5")
    await printed(kernel, SPIN)
    await alone(kernel)
    assert kernel._process is not None
    kernel._process.kill()
    await kernel._process.wait_for_exit()
    assert await printed(kernel, "print(x)") == "5\n"


async def test_an_alarm_ends_with_its_cell(kernel: Kernel) -> None:
    await printed(kernel, "import signal; signal.setitimer(signal.ITIMER_REAL, 0.2)")
    assert await printed(kernel, "import time; time.sleep(0.4); print('here')") == "here\n"


# Threads


async def test_a_cell_waits_a_little_for_its_threads(kernel: Kernel) -> None:
    work = "import threading, time\ndef work():\n    time.sleep(0.3); print('worked')\n"
    assert await printed(kernel, work + "threading.Thread(target=work).start()") == "worked\n"


async def test_the_output_of_a_thread_is_not_that_of_another_cell(kernel: Kernel) -> None:
    start = "import threading\ngo, done = threading.Event(), threading.Event()\n"
    start += "def work():\n    go.wait(); print('late'); done.set()\nthreading.Thread(target=work, daemon=True).start()"
    await printed(kernel, start)
    result = await kernel.run("go.set(); done.wait(); print('own')")
    assert result.stdout == "own\n"
    # The thread's output is sent at its own pace.
    late = result.late
    while not late:
        late = (await kernel.run("")).late
    assert late == "late\n"


async def test_a_pool_prints_to_the_cell_that_submits(kernel: Kernel) -> None:
    start = (
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\npool.submit(print, 'first')"
    )
    assert await printed(kernel, start) == "first\n"
    result = await kernel.run("import time; pool.submit(lambda: (time.sleep(0.2), print('second'))); None")
    assert (result.stdout, result.late) == ("second\n", "")


async def test_threads_started_by_threads_belong_to_the_same_cell(kernel: Kernel) -> None:
    inner = "def inner():\n    print('inner')\n"
    outer = "def outer():\n    t = threading.Thread(target=inner); t.start(); t.join(); print('outer')\n"
    assert (
        await printed(kernel, f"import threading\n{inner}{outer}threading.Thread(target=outer).start()")
        == "inner\nouter\n"
    )


async def test_a_thread_that_goes_on_and_on_ends_with_its_kernel_and_the_next_program_is_told(kernel: Kernel) -> None:
    await printed(kernel, "import threading\nx = 3\ndef burn():\n    while True: pass\n")
    await printed(kernel, "threading.Thread(target=burn, daemon=True).start()")
    await until(lambda: not kernel.running, 60)
    result = await kernel.run("print(x)")
    assert result.stdout == "3\n"
    assert "processor" in result.restarted


# Event loops

MAIN = "import asyncio\nasync def main(n=42):\n    await asyncio.sleep(0)\n    return n\n"


@pytest.mark.parametrize(
    "code",
    [
        "print(asyncio.run(main()))",
        "loop = asyncio.get_event_loop()\nprint(loop.run_until_complete(main()))\nloop.close()",
        "loop = asyncio.new_event_loop()\nasyncio.set_event_loop(loop)\nprint(loop.run_until_complete(main()))",
        "with asyncio.Runner() as runner: print(runner.run(main()))",
        "print(await main())",
        "async def outer(): return asyncio.run(main())\nprint(await outer())",
        "async def numbers():\n    yield 42\nprint(*[n async for n in numbers()])",
        "task = asyncio.create_task(main())\nprint(await task)",
        "async def both(): return (await asyncio.gather(main(), main()))[0]\nprint(asyncio.run(both()))",
        "import threading\nthreading.Thread(target=lambda: print(asyncio.run(main()))).start()",
        "print(await asyncio.to_thread(asyncio.run, main()))",
    ],
)
async def test_coroutines_run_in_every_usual_way(kernel: Kernel, code: str) -> None:
    assert await printed(kernel, MAIN + code) == "42\n"
    assert await printed(kernel, "print(await main(43))") == "43\n", "the kernel's own loop goes on"


async def test_a_task_of_the_kernels_loop_has_to_be_awaited(kernel: Kernel) -> None:
    result = await kernel.run(MAIN + "asyncio.get_event_loop().run_until_complete(asyncio.gather(main()))")
    assert result.error is not None
    assert "await" in result.error.message


@pytest.mark.parametrize("code", ["await forever()", "asyncio.run(forever())", "await nested()"])
async def test_regression_a_cell_that_awaits_could_not_be_interrupted(kernel: Kernel, code: str) -> None:
    await printed(kernel, "import asyncio\nasync def forever(): await asyncio.sleep(60)")
    await printed(kernel, "kept = object()\nasync def nested(): asyncio.run(forever())")
    result = await kernel.run(code, timeout=0.5)
    assert result.status == "timeout"
    assert await printed(kernel, "print(type(kept).__name__)") == "object\n", "the kernel was killed"


# Text

HALF = "\\ud83d"


@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        (f"print('before'); print('{HALF}'); print('after')", "before\n\ufffd\nafter\n"),
        (f"print('before'); display({{'{HALF}': 1}}); print('after')", "before\n{'\\ud83d': 1}\nafter\n"),
        ("print('\\ud83d\\ude00')", "😀\n"),
        (f"import sys; print('out'); print('{HALF}', file=sys.stderr)", "out\n"),
        ("import sys; sys.stdout.buffer.write(b'\\xffbytes\\n'); sys.stdout.flush()", "\ufffdbytes\n"),
        ("import sys; sys.stdout.reconfigure(encoding='utf-8'); print('é')", "é\n"),
        ("import io, sys; sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8'); print('é')", "é\n"),
        ("import subprocess; _ = subprocess.run(['echo', '日本語' * 1500])", "日本語" * 333 + "日"),
    ],
)
async def test_no_text_costs_other_output(kernel: Kernel, code: str, stdout: str) -> None:
    assert (await printed(kernel, code)).startswith(stdout[:400])
    assert await printed(kernel, "print('next')") == "next\n"


async def test_errors_and_variables_may_have_half_a_surrogate(kernel: Kernel) -> None:
    result = await kernel.run(f"print('before')\nraise ValueError('{HALF}')")
    assert result.error is not None
    assert (result.stdout, result.error.message) == ("before\n", "\ufffd")
    await printed(kernel, f"globals()['{HALF}'] = 1; text = '{HALF}'")
    names = [variable.name for variable in await kernel.variables()]
    assert names == ["\ufffd", "text"]


async def test_a_forgotten_redirection_ends_with_its_cell(kernel: Kernel) -> None:
    assert await printed(kernel, "import io, sys; sys.stdout = io.StringIO(); print('lost')") == ""
    assert await printed(kernel, "print('back')") == "back\n"


async def test_the_output_of_processes_is_complete(kernel: Kernel) -> None:
    for number in range(20):
        assert await printed(kernel, f"import os; _ = os.system('echo {number}')") == f"{number}\n"


# Programs written as scripts


async def test_a_script_may_end_with_sys_exit(kernel: Kernel) -> None:
    result = await kernel.run("import sys\nprint('done')\nsys.exit(0)")
    assert (result.status, result.stdout, result.error, result.stderr) == ("ok", "done\n", None, "")
    failed = await kernel.run("sys.exit('no such file')")
    assert failed.error is not None
    assert (failed.status, failed.error.message) == ("error", "no such file")


async def test_every_program_starts_in_the_sessions_folder(kernel: Kernel) -> None:
    await printed(kernel, "open('a.txt', 'w').write('x')\nimport os; os.chdir('/tmp')")
    assert await printed(kernel, "print(os.path.exists('a.txt'))") == "True\n"


async def test_figures_are_artifacts_wherever_the_program_has_gone(kernel: Kernel) -> None:
    result = await kernel.run("import os; os.chdir('/tmp')\nimport matplotlib.pyplot as plt\nplt.plot([1]); plt.show()")
    assert result.new_files == ["figure-1.png"]


async def test_a_figure_that_is_saved_with_another_backend_is_not_saved_twice(kernel: Kernel) -> None:
    await printed(kernel, "import matplotlib; matplotlib.use('Agg')\nimport matplotlib.pyplot as plt")
    assert (await kernel.run("plt.plot([1]); plt.savefig('mine.png')")).new_files == ["mine.png"]


async def test_a_deep_recursion_is_told_at_once(kernel: Kernel) -> None:
    begun = time.process_time()
    result = await kernel.run("def again(n):\n    return again(n + 1)\nagain(0)")
    assert result.error is not None
    assert (result.error.name, result.error.line) == ("RecursionError", 2)
    assert time.process_time() - begun < 5


# Plots


@pytest.mark.parametrize("text", ["売上高", "销售额", "매출", "😀", "ไทย", "हिन्दी", "العربية", "Привет", "ελ"])
@pytest.mark.parametrize("family", ["", "plt.rcParams['font.family'] = 'SimHei'; "])
async def test_plots_have_glyphs_for_every_script(kernel: Kernel, family: str, text: str) -> None:
    result = await kernel.run(f"import matplotlib.pyplot as plt; {family}_ = plt.title({text!r})")
    assert (result.status, result.stdout, result.new_files) == ("ok", "", ["figure-1.png"])
    assert "lyph" not in result.stderr


async def test_missing_glyphs_are_told_in_one_sentence(workspace: SessionWorkspace) -> None:
    text = "\U00012000\U00013000 and \U00012000"
    assert unicodedata.name(text[0]).startswith("CUNEIFORM")
    result = await workspace.kernel.run(
        f"import matplotlib.pyplot as plt; _ = plt.title({text!r}), plt.xlabel({text!r})"
    )
    assert result.stdout.count("\n") == 1
    assert result.stdout.count(text[0]) == 1
    assert result.stderr == ""
    with Image.open(workspace.folder / "figure-1.png") as image:
        assert image.width > 100
