"""Fails a test when our code blocks the event loop: with the detector that `langgraph dev` uses."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blockbuster import BlockBuster

ROOT = Path(__file__).parents[1]
TESTS = str(ROOT / "tests")
PACKAGES = tuple(str(ROOT / name) for name in ("api", "checkpoints", "graph", "llm", "nodes", "tools", "workspace"))
COROUTINE = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

ALLOWED = {
    # Our own package's data, read once.
    "importlib/metadata/__init__.py": ("version",),
    "tools/prompts.py": ("render_prompt",),
    # Files in /proc are on no disk.
    "workspace/jail/zygote_client.py": ("_pid_of",),
    # A file of a few lines, read again only after the keys were rotated.
    "api/accounts/tokens.py": ("all",),
    # The log.
    "logging/__init__.py": ("emit",),
}
"""Functions that may block, by the end of their file's path."""


@contextmanager
def blocking_calls_fail() -> Iterator[None]:
    """A blocking call of our code in a thread with a running event loop raises `BlockingError`."""
    detector = BlockBuster()
    for name in [name for name in detector.functions if name == "os.stat" or name.startswith("os.path.")]:
        del detector.functions[name]  # metadata of a path, which the system has cached
    for function in detector.functions.values():
        function.can_block_predicate = _either(function.can_block_predicate, _called_by_others)
        for file, names in ALLOWED.items():
            function.can_block_in(file, names)
    detector.activate()
    try:
        yield
    finally:
        detector.deactivate()


def _either(first: Callable[..., bool], second: Callable[[], bool]) -> Callable[..., bool]:
    return lambda *args, **options: first(*args, **options) or second()


def _called_by_others() -> bool:
    """Whether a test or a library makes the call. A test may call our functions that block, but not our coroutines."""
    frame = inspect.currentframe()
    frame = frame.f_back if frame is not None else None
    ours = False
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(PACKAGES):
            ours = True
            if code.co_flags & COROUTINE:
                return False
        elif code.co_filename.startswith(TESTS) and code.co_filename != __file__:
            return True
        frame = frame.f_back
    return not ours
