"""Parsing of source code, in several threads at once."""

import ast
import gc
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from workspace.syntax import parse, parse_expression, parsed

PROGRAM = "{'a': [1, (2, 3), {'b': -4}], 'c': f(x)(y) + 1}\n" * 30
SECONDS = 1.5


class Waste:
    """Its collection runs Python code, which lets other threads run in the middle of a call of the parser."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        sum(range(20))


@pytest.fixture
def busy() -> Iterator[None]:
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(10)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("busy")
def test_regression_parsers_in_two_threads_made_each_other_fail() -> None:
    """`SystemError: AST constructor recursion depth mismatch`, from `ast.parse` of Python 3.11."""
    failed: list[BaseException] = []
    end = time.monotonic() + SECONDS

    def work() -> None:
        while time.monotonic() < end and not failed:
            Waste()
            try:
                assert len(parse(PROGRAM).body) == 30
            except SystemError as error:
                failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@pytest.mark.parametrize("code", ["def", "a\0b", "(" * 10_000, "\ud800"])
def test_what_is_no_program_is_none(code: str) -> None:
    assert parsed(code) is None


def test_an_expression() -> None:
    assert ast.literal_eval(parse_expression("{'a': [1]}")) == {"a": [1]}
