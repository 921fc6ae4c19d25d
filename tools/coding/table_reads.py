"""Replaces a program's own call that reads a table with the one in the file's description.

A small model writes `pd.read_csv("sales.csv")` by heart and forgets the separator, the decimal comma and the codes with
leading zeros. A call is only replaced if it asks for nothing that the description does not have.
"""

import ast
import re
from collections.abc import Iterator

from tools.coding.tables import Tables
from workspace.syntax import parse_expression, parsed, with_replaced

READERS = ("read_csv", "read_table", "read_fwf", "read_json", "read_excel")
MAX_CODE = 20_000
"""Longer programs are not examined."""
_MENTION = re.compile(r"\bread_(?:csv|table|fwf|json|excel)\b")
_HARMLESS = frozenset(("sep", "delimiter", "engine", "low_memory", "lines", "on_bad_lines", "skipinitialspace"))
"""Options that the described call may replace. Others, such as an encoding or `dayfirst`, are somebody's choice."""


def reads_tables(code: str) -> bool:
    """Whether `code` may have such a call."""
    return len(code) <= MAX_CODE and _MENTION.search(code) is not None


def with_described_reads(code: str, tables: Tables) -> tuple[str, list[str]]:
    """`(the program, the calls that were put into it)`; the same program and none if nothing had to be replaced."""
    tree = parsed(code)
    if tree is None:
        return code, []
    setup: list[str] = []
    replacements: list[tuple[ast.expr, str]] = []
    for call, name in sorted(_calls(tree, tables), key=lambda found: (found[0].lineno, found[0].col_offset)):
        table = tables[name]
        replacements.append((call, table.read))
        setup += [table.setup] if table.setup else []
        setup += ["import pandas as pd"] if ast.unparse(call.func).startswith("pandas.") else []
    program = with_replaced(code, replacements)
    return "\n".join([*dict.fromkeys(setup), program]), list(dict.fromkeys(read for _, read in replacements))


def _calls(tree: ast.Module, tables: Tables) -> Iterator[tuple[ast.Call, str]]:
    """The calls to replace, with the names of their files."""
    described = {ast.dump(_expression(table.read)) for table in tables.values()}
    kept = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) or ast.dump(node) in described]
    untouched = {id(part) for node in kept for part in ast.walk(node)}
    changed = _text_methods(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Attribute(ast.Name("pd" | "pandas"), reader), [ast.Constant(str(name))], options) if (
                reader in READERS and id(node) not in untouched
            ):
                table = tables.get(name.removeprefix("./"))
                if table is not None and _asks_for_less(options, table.read) and changed <= {*table.texts}:
                    yield node, name.removeprefix("./")
            case _:
                continue


def _expression(code: str) -> ast.expr:
    return parse_expression(code).body


def _asks_for_less(options: list[ast.keyword], read: str) -> bool:
    """Whether each option is harmless, or is in the described call too."""
    own = {
        word.arg: word.value
        for node in ast.walk(_expression(read))
        if isinstance(node, ast.Call)
        for word in node.keywords
    }
    own.setdefault("encoding", ast.Constant("utf-8"))
    return all(
        option.arg in _HARMLESS or (option.arg in own and _is_part(option.value, own[option.arg])) for option in options
    )


def _is_part(value: ast.expr, whole: ast.expr) -> bool:
    """Whether a value is the same, or a list of some of the same."""
    if isinstance(value, ast.List) and isinstance(whole, ast.List):
        known = {ast.dump(element) for element in whole.elts}
        return all(ast.dump(element) in known for element in value.elts)
    return ast.dump(value) == ast.dump(whole)


def _text_methods(tree: ast.Module) -> set[str]:
    """Columns whose texts the program changes itself, such as `df["price"].str.replace(…)`; "" for unknown ones."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Subscript(_, ast.Constant(str(column))) | ast.Attribute(_, column), "str"):
                found.add(column)
            case ast.Attribute(_, "str"):
                found.add("")
            case _:
                continue
    return found
