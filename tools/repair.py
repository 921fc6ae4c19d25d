"""Slips that need no model to mend: what small models write again and again, whatever they are told."""

import ast
import re

MAX_ROUNDS = 20
"""Lines mended at most: each costs a look at the whole program."""
_LEADING_ZEROS = re.compile(r"(?<![\w.])0+(?=[1-9])")


def repaired(code: str) -> str:
    """`code`, with `datetime(2024, 11, 02)` made `datetime(2024, 11, 2)`; unchanged where that is not the trouble."""
    for _ in range(MAX_ROUNDS):
        try:
            ast.parse(code)
        except SyntaxError as error:
            if error.lineno is None or "leading zeros" not in error.msg:
                return code
            lines = code.split("\n")
            lines[error.lineno - 1] = _LEADING_ZEROS.sub("", lines[error.lineno - 1])
            code = "\n".join(lines)
        except (ValueError, RecursionError, MemoryError):
            return code
        else:
            return code
    return code
