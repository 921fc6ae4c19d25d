"""Repairs mistakes that need no model: those that small models repeat regardless of instructions."""

import ast
import re
from textwrap import dedent
from typing import TypeGuard

from tools.names import PYTHON_CODER
from workspace.syntax import parse, parsed, with_replaced

MAX_ROUNDS = 20
"""Maximum number of repaired lines: each requires parsing the whole program."""
_LEADING_ZEROS = re.compile(r"(?<![\w.])0+(?=[1-9])")
_AGGREGATED = re.compile(
    r"""\.groupby\(([^()\n]{1,200})\)\.(sum|mean|median|std|var|min|max|prod)\(\)\[("[^"\n]{1,100}"|'[^'\n]{1,100}')\]"""
)
_ESCAPE = re.compile(r"""\\([ntr"'\\])""")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_IN_PLACE = ("fillna", "replace", "clip", "interpolate", "ffill", "bfill", "where", "mask")


def repaired(code: str) -> str:
    """`code` with the mistakes below repaired; unchanged if they are not the problem."""
    return _in_place_assigned(_column_first(_without_leading_zeros(_unwrapped(_unescaped(code)))))


def _unescaped(code: str) -> str:
    r"""A program on one line with line breaks written as `\n`, as in JSON that was escaped twice, on separate lines."""
    if "\\n" not in code or "\n" in code.strip() or parsed(code):
        return code
    plain = dedent(_ESCAPE.sub(lambda escape: _ESCAPED.get(escape.group(1), escape.group(1)), code)).strip()
    return plain if parsed(plain) else code


def _unwrapped(code: str) -> str:
    """`python_coder("…")`, alone, printed or assigned (the tool's call written as a program), replaced with its
    program.
    """
    match parsed(code) if PYTHON_CODER in code else None:
        case ast.Module([ast.Expr(ast.Call(ast.Name("print"), [call], [])) | ast.Expr(call) | ast.Assign(_, call)]):
            program = _program_in(call)
            return code if program is None else program
    return code


def _program_in(call: ast.expr) -> str | None:
    match call:
        case ast.Call(ast.Name(name), [ast.Constant(str(program))], []) | ast.Call(
            ast.Name(name), [], [ast.keyword(_, ast.Constant(str(program)))]
        ) if name == PYTHON_CODER:
            return dedent(program).strip()
    return None


def _without_leading_zeros(code: str) -> str:
    """`datetime(2024, 11, 02)` becomes `datetime(2024, 11, 2)`."""
    for _ in range(MAX_ROUNDS):
        try:
            parse(code)
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


def _column_first(code: str) -> str:
    """`df.groupby("g").sum()["a"]` becomes `df.groupby("g")["a"].sum()`.

    The former sums every column, and fails at the first one with dates or text.
    """
    # With a pattern, because before Python 3.12 the parser does not locate code inside f-strings.
    return _AGGREGATED.sub(r".groupby(\1)[\3].\2()", code)


def _in_place_assigned(code: str) -> str:
    """`df["a"].fillna(0, inplace=True)` becomes `df["a"] = df["a"].fillna(0)`.

    Since pandas 3, the former changes a copy and leaves `df` unchanged, without an error.
    """
    if "inplace" not in code or (tree := parsed(code)) is None:
        return code
    statements = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return with_replaced(code, [(value, _assigned(value)) for value in statements if _is_in_place(value)])


def _is_in_place(value: ast.expr) -> TypeGuard[ast.Call]:
    """A call that would change one column in place."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return False
    column = isinstance(value.func.value, (ast.Subscript, ast.Attribute))
    return column and value.func.attr in _IN_PLACE and any(_says_in_place(word) for word in value.keywords)


def _says_in_place(word: ast.keyword) -> bool:
    return word.arg == "inplace" and isinstance(word.value, ast.Constant) and word.value.value is True


def _assigned(call: ast.Call) -> str:
    plain = ast.Call(call.func, call.args, [word for word in call.keywords if not _says_in_place(word)])
    column = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    return f"{ast.unparse(column)} = {ast.unparse(plain)}"
