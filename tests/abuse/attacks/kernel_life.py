"""Programs that break, stop or replace their own kernel."""

# mypy: disable-error-code="name-defined,attr-defined"
from tests.abuse.enemy import Enemy


def closed_descriptors() -> None:
    """Closes all descriptors."""
    import os

    os.closerange(0, 4096)


def stopped_kernel() -> None:
    """Stops itself with SIGSTOP."""
    import os
    import signal

    os.kill(os.getpid(), signal.SIGSTOP)


def deaf_kernel() -> None:
    """Blocks all signals and sleeps."""
    import signal
    import time

    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(60)


def hooks() -> None:
    """Hooks of the collector, the interpreter's exit, tracing and audits that never return."""
    import atexit
    import gc
    import sys
    import time

    atexit.register(time.sleep, 1000)
    gc.callbacks.append(lambda *_: time.sleep(0.5))
    sys.settrace(lambda *_: None)
    sys.addaudithook(lambda *_: None)
    sys.excepthook = lambda *_: time.sleep(1000)


def broken_ipykernel() -> None:
    """Replaces the parts of ipykernel that execute, reply and send."""
    import time

    app = get_ipython().kernel  # noqa: F821
    app.do_execute = lambda *a, **k: time.sleep(1000)
    app.session.send = lambda *a, **k: None
    get_ipython().run_cell = lambda *a, **k: 7  # noqa: F821


def no_threads() -> None:
    """Makes threads impossible to start and to join."""
    import threading

    threading.Thread.start = lambda *_: None  # type: ignore[method-assign]
    for thread in threading.enumerate():
        thread.join = None  # type: ignore[method-assign,assignment]


def broken_imports() -> None:
    """Empties the table of modules and the builtins."""
    import builtins
    import sys

    sys.modules.clear()
    for name in list(vars(builtins)):
        try:
            delattr(builtins, name)
        except AttributeError:
            pass


def segmentation_fault() -> None:
    """Crashes the interpreter."""
    import ctypes

    ctypes.string_at(1)


async def suicides(enemy: Enemy) -> None:
    """Sixteen sessions whose kernels end themselves in a loop."""
    await enemy.cells("import os\nos._exit(0)", sessions=16)


async def killed_kernels(enemy: Enemy) -> None:
    """Sixteen sessions whose kernels kill themselves and all their processes in a loop."""
    await enemy.cells(
        "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getpid(), signal.SIGKILL)", sessions=16
    )


async def killed_parent(enemy: Enemy) -> None:
    """Kernels that send signals to their parents and to everybody else."""
    code = (
        "import os, signal\nfor pid in [os.getppid(), 1, 0, *range(2, 400)]:\n    for n in (15, 9, 19):\n"
        "        try: os.kill(pid, n) if pid != os.getpid() else None\n        except OSError: pass\nprint(1)"
    )
    await enemy.cells(code, sessions=4)


async def signals_at_the_end(enemy: Enemy) -> None:
    """Children that outlive their cell in a loop of double forks and ignore SIGTERM."""
    code = (
        "import os, signal\nfor n in range(60):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n        while True:\n"
        "            if os.fork(): os._exit(0)\nprint(1)"
    )
    await enemy.cells(code, sessions=8)


async def new_sessions(enemy: Enemy) -> None:
    """A new session, and thereby a new kernel, for each request."""

    async def one() -> None:
        await enemy.cell("print(1)")

    await enemy.many(1000, one, 4)


async def abandoned_cells(enemy: Enemy) -> None:
    """Cells that ignore interrupts, whose client leaves at once."""
    import asyncio

    async def one() -> None:
        try:
            async with asyncio.timeout(0.3):
                await enemy.cell("import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass")
        except TimeoutError:
            enemy.answers["left"] += 1

    await enemy.many(1000, one, 4)


async def deleted_while_running(enemy: Enemy) -> None:
    """Sessions that are deleted while their cell computes."""
    import asyncio

    async def one() -> None:
        session = await enemy.cell("x = 1\nprint(1)")
        running = asyncio.ensure_future(enemy.cell("import time\nwhile True: time.sleep(0.01)", session))
        await asyncio.sleep(0.2)
        await enemy.send("DELETE", f"/api/conversations/{session}")
        await running

    await enemy.many(100, one, 4)
