"""Parses Python source code that anybody may have written."""

import ast
import threading
from collections.abc import Callable, Iterable
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


def with_replaced(code: str, replacements: Iterable[tuple[ast.expr, str]]) -> str:
    """The program with other code in the places of some of its expressions, which do not overlap."""
    lines = code.encode().split(b"\n")  # the parser counts bytes
    for old, new in sorted(replacements, key=lambda pair: (pair[0].lineno, pair[0].col_offset), reverse=True):
        first, last = old.lineno - 1, (old.end_lineno or old.lineno) - 1
        before, after = lines[first][: old.col_offset], lines[last][old.end_col_offset :]
        lines[first : last + 1] = [before + new.encode() + after]
    return b"\n".join(lines).decode()


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
