"""The detector of blocking calls: what our coroutines do is found, what a test does itself is not."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from blockbuster import BlockingError

from tests.blocking import PACKAGES

PROGRAM = "async def run(work):\n    return work()\n\ndef call(work):\n    return work()\n"


def of_ours(name: str) -> Callable[..., object]:
    """A function as if it were defined in one of our packages."""
    names: dict[str, Callable[..., object]] = {}
    exec(compile(PROGRAM, f"{PACKAGES[0]}/example.py", "exec"), names)
    return names[name]


async def test_a_blocking_call_in_our_coroutine_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BlockingError, match=r"os\.mkdir"):
        await of_ours("run")((tmp_path / "folder").mkdir)  # type: ignore[misc]


async def test_a_blocking_call_in_our_callback_is_an_error(tmp_path: Path) -> None:
    caught: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: caught.set_result(context["exception"]))
    loop.call_soon(of_ours("call"), (tmp_path / "folder").mkdir)
    assert isinstance(await caught, BlockingError)
    loop.set_exception_handler(None)


async def test_tests_and_threads_may_block(tmp_path: Path) -> None:
    of_ours("call")((tmp_path / "one").mkdir)
    await asyncio.to_thread(of_ours("call"), (tmp_path / "two").mkdir)
    assert (tmp_path / "one").is_dir()
    assert (tmp_path / "two").is_dir()
