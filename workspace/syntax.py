"""Parses Python source code that anybody may have written."""

import ast
import threading
from collections.abc import Callable
from typing import TypeVar

INVALID = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `parse` and `parse_expression` raise for code that is not Python."""
TRIES = 10
_alone = threading.RLock()
T = TypeVar("T")


def parse(code: str) -> ast.Module:
    """A program. Raises one of `INVALID`."""
    return _repeated(lambda: ast.parse(code))


def parsed(code: str) -> ast.Module | None:
    """The same; None if it is not Python."""
    try:
        return parse(code)
    except INVALID:
        return None


def parse_expression(code: str) -> ast.Expression:
    """An expression. Raises one of `INVALID`."""
    return _repeated(lambda: ast.parse(code, mode="eval"))


def _repeated(make: Callable[[], T]) -> T:
    """Python's parser counts the depth of a tree for all threads together, so that one thread can make another one's
    call fail ("AST constructor recursion depth mismatch", https://github.com/python/cpython/issues/106905). Our own
    calls take turns. A library's call, which does not, may still disturb one: it is made again.
    """
    with _alone:
        for _ in range(TRIES - 1):
            try:
                return make()
            except SystemError:
                continue
        return make()
