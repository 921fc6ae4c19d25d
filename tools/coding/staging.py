"""Which of a user's files a program speaks of: they are laid into the session's folder before it runs."""

import ast
from collections.abc import Iterable
from pathlib import PurePosixPath


def named_files(code: str, names: Iterable[str]) -> list[str]:
    """The names that a string of `code` holds, alone or as the end of a path.

    Code that does not parse (shell lines and other things that only a notebook knows) is searched as plain text.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [name for name in names if name in code]
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    spoken = strings | {PurePosixPath(text).name for text in strings}
    return [name for name in names if name in spoken]
