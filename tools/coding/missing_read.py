"""Reads the table for a program that assumes it is loaded, because its columns were in the prompt.

Small models repeat this mistake through every correction. It is only repaired if there is no doubt about the table: the
only one, or the only one (or the only join of two) with all the columns that the program names.
"""

import ast
import asyncio
from collections.abc import Iterator

from tools.coding.tables import columns_named, read_for, tables_at_hand
from tools.kit import ToolKit
from workspace.syntax import parsed

FRAME = "df"
SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)
MAX_CODE = 20_000
"""Longer programs are not examined."""


async def missing_read(kit: ToolKit, code: str) -> str | None:
    """The line that reads the table into `df`, if `code` uses `df` without defining it."""
    if not await asyncio.to_thread(uses_before_binding, code, FRAME):
        return None
    if any(variable.name == FRAME for variable in await kit.workspace.kernel.variables()):
        return None
    tables = await tables_at_hand(kit)
    read = read_for(columns_named(code, tables), tables)
    if read is None:
        return None
    setup = dict.fromkeys(table.setup for table in tables.values() if table.setup and table.read in read)
    return "; ".join(["import pandas as pd", *setup, f"{FRAME} = {read}"])


def uses_before_binding(code: str, name: str) -> bool:
    """Whether the program's own lines definitely use `name` before assigning it; False if it does not parse."""
    if name not in code or len(code) > MAX_CODE:
        return False
    tree = parsed(code)
    if tree is None:
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
    """The nodes executed with the statement; a function's body is executed when it is called."""
    is_definition = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    yield from (statement,) if is_definition else ast.walk(statement)


def _binds_elsewhere(node: ast.AST, name: str) -> bool:
    """Whether `name` is a parameter, a comprehension's variable, a function, a class or a module."""
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
