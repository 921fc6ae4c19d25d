"""A table that a program takes for loaded because its columns stood before its writer: it is read first.

Small models repeat that mistake through every correction. It is only mended where there is no doubt which table is
meant: the only one, or the only one (or the only join of two) with all the columns that the program names.
"""

import ast
import asyncio
from collections.abc import Iterator

from tools.coding.tables import columns_named, read_for, tables_at_hand
from tools.kit import ToolKit

FRAME = "df"
SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)
MAX_CODE = 20_000
"""Characters of a program that is looked into."""


async def missing_read(kit: ToolKit, code: str) -> str | None:
    """The line that reads the table that is meant into `df`, when `code` uses `df` without having it."""
    if not await asyncio.to_thread(uses_before_binding, code, FRAME):
        return None
    if any(variable.name == FRAME for variable in await kit.workspace.kernel.variables()):
        return None
    tables = await tables_at_hand(kit)
    read = read_for(columns_named(code, tables), tables)
    return f"import pandas as pd; {FRAME} = {read}" if read else None


def uses_before_binding(code: str, name: str) -> bool:
    """Whether the program's own lines surely use `name` before they give it a value; False for what does not parse."""
    if name not in code or len(code) > MAX_CODE:
        return False
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for statement in tree.body:
        nodes = list(_running(statement))
        if any(_binds_elsewhere(node, name) for node in nodes):
            return False
        uses = [node for node in nodes if isinstance(node, ast.Name) and node.id == name]
        if any(isinstance(use.ctx, ast.Load) for use in uses):
            return isinstance(statement, SIMPLE) or not any(isinstance(use.ctx, ast.Store) for use in uses)
        if uses:
            return False
    return False


def _running(statement: ast.stmt) -> Iterator[ast.AST]:
    """What runs with the statement: a function's body runs when it is called."""
    is_definition = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    yield from (statement,) if is_definition else ast.walk(statement)


def _binds_elsewhere(node: ast.AST, name: str) -> bool:
    """`name` is a parameter, a comprehension's variable, a function, a class or a module."""
    match node:
        case ast.arg(arg=other):
            return other == name
        case ast.comprehension(target=target):
            return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(target))
        case ast.FunctionDef(name=other) | ast.AsyncFunctionDef(name=other) | ast.ClassDef(name=other):
            return other == name
        case ast.alias(name=module, asname=short):
            return (short or module) in (name, "*")
        case _:
            return False
