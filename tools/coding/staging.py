"""Finds the user's files that a program names; they are copied to the session's folder before it runs."""

import ast
from collections.abc import Iterable
from pathlib import PurePosixPath


def named_files(code: str, names: Iterable[str]) -> list[str]:
    """The names that occur in a string of `code`, alone or at the end of a path.

    Code that does not parse (shell lines and other notebook syntax) is searched as plain text.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [name for name in names if name in code]
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    spoken = strings | {PurePosixPath(text).name for text in strings}
    return [name for name in names if name in spoken]
