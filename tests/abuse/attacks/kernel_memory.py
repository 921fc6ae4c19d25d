"""Programs that hoard memory, processes, descriptors and processor time."""

import asyncio

from tests.abuse.enemy import Enemy, source


def fork_bomb() -> None:
    """Children that fork children."""
    import os

    while True:
        try:
            os.fork()
        except OSError:
            pass


def thread_bomb() -> None:
    """As many threads as possible, each of which is busy."""
    import threading

    def spin() -> None:
        while True:
            pass

    while True:
        try:
            threading.Thread(target=spin, daemon=True).start()
        except RuntimeError:
            pass


def memory_bomb() -> None:
    """Touches memory until it is stopped."""
    held = []
    while True:
        held.append(bytearray(64 << 20))


def memory_bomb_of_children() -> None:
    """Eight children, each of which stays below the limit of a process."""
    import os
    import time

    for _ in range(8):
        if os.fork() == 0:
            held = bytearray(700 << 20)
            time.sleep(10)
            os._exit(len(held) % 2)
    time.sleep(10)


def memory_in_shared_mappings() -> None:
    """Anonymous memory that is shared between children."""
    import mmap
    import time

    held = []
    for _ in range(60):
        area = mmap.mmap(-1, 64 << 20)
        area.write(b"x" * (64 << 20))
        held.append(area)
    time.sleep(10)


def memory_in_scratch() -> None:
    """Fills the kernel's /tmp and /dev/shm."""
    for folder in ("/tmp", "/dev/shm"):
        try:
            with open(f"{folder}/fill", "wb") as file:
                while True:
                    file.write(bytes(1 << 20))
        except OSError:
            pass


def memory_in_unix_sockets() -> None:
    """Fills the buffers of as many socket pairs as possible."""
    import socket
    import time

    held = []
    try:
        while True:
            pair = socket.socketpair()
            held.append(pair)
            for end in pair:
                end.setblocking(False)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
                try:
                    while True:
                        end.send(bytes(1 << 16))
                except OSError:
                    pass
    except OSError:
        pass
    time.sleep(10)


def memory_in_pipes() -> None:
    """Fills as many pipes as possible."""
    import fcntl
    import os
    import time

    try:
        while True:
            _, write = os.pipe()
            fcntl.fcntl(write, 1031, 1 << 20)
            os.set_blocking(write, False)
            try:
                while True:
                    os.write(write, bytes(1 << 16))
            except OSError:
                pass
    except OSError:
        pass
    time.sleep(10)


def descriptors_in_flight() -> None:
    """Sends descriptors through sockets that are never read, and closes them here."""
    import os
    import socket
    import time

    held = []
    try:
        while True:
            pair = socket.socketpair()
            held.append(pair)
            file = os.open(".", os.O_RDONLY)
            pair[0].setblocking(False)
            try:
                while True:
                    socket.send_fds(pair[0], [b"x"], [file] * 200)
            except OSError:
                os.close(file)
    except OSError:
        pass
    time.sleep(10)


def busy_loop() -> None:
    """Computes for ever and ignores interrupts."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pass


def busy_threads_after_the_reply() -> None:
    """Threads that compute after the reply."""
    import threading

    def spin() -> None:
        while True:
            pass

    for _ in range(20):
        threading.Thread(target=spin, daemon=True).start()


def busy_children_after_the_reply() -> None:
    """Children in sessions of their own, which are to compute after the reply."""
    import os

    for _ in range(20):
        if os.fork() == 0:
            os.setsid()
            while True:
                pass


def sleepers_up_to_the_limit() -> None:
    """All processes that the session may have, asleep."""
    import os
    import time

    try:
        while True:
            if os.fork() == 0:
                time.sleep(20)
                os._exit(0)
    except OSError:
        time.sleep(5)


def priority() -> None:
    """Tries to get ahead of everybody, and computes."""
    import os

    for act in (lambda: os.nice(-20), lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))):
        try:
            act()
        except OSError:
            pass
    for _ in range(100):
        if os.fork() == 0:
            while True:
                pass
    while True:
        pass


def timers_after_the_reply() -> None:
    """Timers of a microsecond that go off after the reply."""
    import signal

    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 1e-6, 1e-6)


async def sixteen_busy_sessions(enemy: Enemy) -> None:
    """Threads in sixteen kernels that compute between the cells."""
    await enemy.cells(source(busy_threads_after_the_reply), sessions=16)


async def slow_pickles(enemy: Enemy) -> None:
    """Sixteen sessions with a variable that takes 58 seconds to be saved."""
    code = (
        "import time\nclass Slow:\n    def __reduce__(self):\n        time.sleep(58)\n        return (int, ())\n"
        "x = Slow()\nprint(1)"
    )
    await enemy.cells(code, sessions=16)


async def slow_restores(enemy: Enemy) -> None:
    """A variable that takes for ever to be restored, in a kernel that kills itself."""
    code = (
        "class Slow:\n    def __reduce__(self):\n        return (__import__('time').sleep, (58,))\nx = Slow()\nprint(1)"
    )
    session = await enemy.cell(code)
    await asyncio.sleep(1)
    await enemy.cell("import os; os._exit(0)", session)
    await enemy.cells("print(2)", sessions=2)


async def large_snapshots(enemy: Enemy) -> None:
    """Four sessions whose variables are new random bytes after each cell: 100 MB to save."""
    await enemy.cells("import os\nx = os.urandom(100_000_000)\nprint(1)")


async def many_variables(enemy: Enemy) -> None:
    """A hundred thousand variables, which are listed."""
    session = await enemy.cell("for n in range(100_000): globals()[f'v{n}'] = n\nprint(1)")
    while session:
        await enemy.get(f"/api/conversations/{session}/variables")


async def hostile_variables(enemy: Enemy) -> None:
    """Variables whose types, sizes and names lie, which are listed."""
    code = (
        "class Liar:\n    __class__ = property(lambda s: 1 / 0)\n    shape = property(lambda s: 'x' * 10**7)\n"
        "    nbytes = property(lambda s: 10**400)\n    def __sizeof__(self): return 2**62\n"
        "    def __len__(self): return 2**62\n    def __repr__(self): return 'r' * 10**8\n"
        "    def __getattr__(self, n): return Liar()\n"
        "for n in range(200): globals()['v' + chr(10) * 3 + str(n) + chr(0xd800 + n)] = Liar()\n"
        "big = type('T' * 1_000_000, (), {})()\nloop = []; loop.append(loop)\n"
        "deep = []\nfor _ in range(200_000): deep = [deep]\nprint(1)"
    )
    session = await enemy.cell(code)
    while session:
        await enemy.get(f"/api/conversations/{session}/variables")
