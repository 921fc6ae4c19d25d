"""Programs that print, show or return too much."""

from tests.abuse.enemy import Enemy, source


def output_flood() -> None:
    """Prints without end."""
    while True:
        print("x" * 10_000)  # noqa: T201


def output_flood_of_descriptors() -> None:
    """Writes to descriptors 1 and 2 without end."""
    import os

    while True:
        os.write(1, b"x" * 65_536)
        os.write(2, b"y" * 65_536)


def output_of_single_characters() -> None:
    """Prints one character at a time and flushes each."""
    while True:
        print("x", end="", flush=True)  # noqa: T201


def output_flood_of_idle_threads() -> None:
    """Threads that go on printing after the reply."""
    import threading

    def pour() -> None:
        while True:
            print("x" * 10_000)  # noqa: T201

    for _ in range(8):
        threading.Thread(target=pour, daemon=True).start()


def output_of_terminal_codes() -> None:
    """A million control sequences, carriage returns and combining characters."""
    print("\x1b[31m\r\b" * 300_000 + "e" + "\u0301" * 300_000)  # noqa: T201


def output_of_carriage_returns() -> None:
    """Progress bars that overwrite their line for ever."""
    while True:
        print("\r" + "#" * 70, end="")  # noqa: T201


def thousand_images() -> None:
    """Shows a thousand images."""
    from IPython.display import Image, display

    data = b"\x89PNG\r\n\x1a\n" + bytes(3000)
    for _ in range(1000):
        display(Image(data))  # type: ignore[no-untyped-call]


def image_of_50_mb() -> None:
    """Shows one image of 50 MB."""
    from IPython.display import Image, display

    display(Image(b"\x89PNG\r\n\x1a\n" + bytes(50 << 20)))  # type: ignore[no-untyped-call]


def images_below_the_limit() -> None:
    """Shows images of 5 MB, each of which is allowed."""
    from IPython.display import Image, display

    for _ in range(200):
        display(Image(b"\x89PNG\r\n\x1a\n" + bytes(5 << 20)))  # type: ignore[no-untyped-call]


def thousand_figures() -> None:
    """Opens figures and never closes them."""
    import matplotlib.pyplot as plt

    for _ in range(1000):
        plt.figure()
        plt.plot([1, 2])


def traceback_of_100_mb() -> None:
    """An exception with a message of 100 MB."""
    raise ValueError("x" * (100 << 20))


def exception_that_cannot_be_shown() -> None:
    """An exception whose text never ends, with a chain of ten thousand causes."""

    class Endless(Exception):  # noqa: N818
        def __str__(self) -> str:
            while True:
                pass

    error: Exception = Endless()
    for _ in range(10_000):
        following = Endless()
        following.__cause__ = error
        error = following
    raise error


def recursion() -> None:
    """Recursion without end, with the limit raised."""
    import sys

    sys.setrecursionlimit(10**9)

    def deeper(n: int) -> int:
        return deeper(n + 1) + 1

    deeper(0)


async def value_of_500_mb(enemy: Enemy) -> None:
    """The last value has a text of 500 MB."""
    await enemy.cells("class Huge:\n    def __repr__(self): return 'x' * 500_000_000\nHuge()", plain=True)


async def value_that_takes_for_ever(enemy: Enemy) -> None:
    """The text of the last value is never finished."""
    await enemy.cells("class Endless:\n    def __repr__(self):\n        while True: pass\nEndless()", plain=True)


async def table_of_50_mb(enemy: Enemy) -> None:
    """The last value is a table with an HTML view of 50 MB."""
    code = "class Table:\n    def _repr_html_(self): return '<table>' + '<tr><td>1' * 5_000_000\n"
    await enemy.cells(code + "    def __repr__(self): return 'table'\nTable()", plain=True)


async def flood_of_sixteen_idle_sessions(enemy: Enemy) -> None:
    """Threads in sixteen kernels that go on printing."""
    await enemy.cells(source(output_flood_of_idle_threads), sessions=16)
