"""Finds the files that a program names; they are copied to where it looks for them before it runs."""

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from workspace.names import Names
from workspace.syntax import parsed

MAX_NAME = 1000
"""Longer strings are not file names."""
MAX_COPIES = 20
"""A program can spell one name in any number of ways."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A file, and the name by which the program refers to it."""

    name: str
    is_upload: bool
    spelled: str


def copies(code: str, own: Collection[str], uploads: Collection[str]) -> list[Copy]:
    """The copies that the program needs to find the session's `own` files and the `uploads` under the names in its
    strings, alone or at the end of a path.

    Code that does not parse (shell lines and other notebook syntax) is searched as plain text.
    """
    if not own and not uploads:
        return []
    tree = parsed(code)
    if tree is None:
        return [Copy(name, is_upload=True, spelled=name) for name in uploads if name in code and name not in own]
    ours, theirs = Names(own), Names(uploads)
    found = []
    for spelled in dict.fromkeys(_spoken(tree)):
        if spelled in own:
            continue
        if spelled not in uploads and (name := ours.same(spelled)) is not None:
            found.append(Copy(name, is_upload=False, spelled=spelled))
        elif (name := theirs.same(spelled)) is not None:
            found.append(Copy(name, is_upload=True, spelled=spelled))
    return found[:MAX_COPIES]


def _spoken(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= MAX_NAME:
            yield PurePosixPath(node.value).name
