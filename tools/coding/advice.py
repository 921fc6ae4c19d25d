"""One-line hints for common errors: small models repeat a mistake until they are told what to do instead."""

import builtins
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tools.coding.tables import READERS, Tables, all_of_one_form, columns_named, read_for
from tools.files.render import literal
from workspace.names import Names
from workspace.output import CellError

MODULES = {
    **{name: f"import {name}" for name in ("collections", "itertools", "json", "math", "os", "random", "re", "string")},
    **{name: f"from datetime import {name}" for name in ("date", "timedelta")},
    **{name: f"from collections import {name}" for name in ("Counter", "defaultdict")},
    "pd": "import pandas as pd",
    "np": "import numpy as np",
    "plt": "import matplotlib.pyplot as plt",
    "datetime": "from datetime import datetime",
    "stats": "from scipy import stats",
    "scipy": "import scipy.stats",
    "sns": "import matplotlib.pyplot as plt, and draw with plt: seaborn is not here",
}
MAX_FILES = 8
MAX_COLUMNS = 20
MAX_LISTED = 600

Match = re.Match[str]


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """The context of an error: the names in the working folder, the tables among them, the program."""

    files: Sequence[str] = ()
    tables: Tables = field(default_factory=dict)
    code: str = ""
    variables: frozenset[str] = frozenset()
    """Names of the session's variables."""


def advice(error: CellError, context: ErrorContext) -> str:
    """A line to append to `error`, or an empty string."""
    for names, pattern, tell in _RULES:
        if error.name in names and (match := re.search(pattern, error.message)):
            return tell(match, context) if callable(tell) else tell
    return ""


def _undefined(match: Match, context: ErrorContext) -> str:
    name = match.group(1)
    if name in MODULES:
        return f"The program has to import it first: {MODULES[name]}"
    named = columns_named(context.code, context.tables)
    if reader := read_for(named, context.tables) or all_of_one_form(context.tables) or _reader(context):
        return f"Nothing named {name} exists yet. A table has to be read first: df = {reader}"
    return f"Nothing named {name} exists yet. The program has to define it first."


def _unknown_key(match: Match, context: ErrorContext) -> str:
    key, tables = match.group(1), context.tables
    if holding := [name for name, table in tables.items() if key in table.columns]:
        wanted = columns_named(context.code, tables) | {key}
        read = read_for(wanted, tables) or tables[holding[0]].read
        return f"df does not have it; {key} is a column of {', '.join(holding)}. Read it anew: df = {read}"
    if key.isidentifier() and re.search(rf"^\s*{key}\s*=[^=]", context.code, re.MULTILINE):
        return f"{key} is a variable, not a column. Make it one first: df[{key!r}] = {key}"
    told = f"There is no column or key {key!r}."
    if tables:
        columns = "; ".join(f"{name}: {', '.join(table.columns[:MAX_COLUMNS])}" for name, table in tables.items())
        return f"{told} The columns are: {columns[:MAX_LISTED]}"
    reader = _reader(context)
    return f"{told} df may be another table; read the right one anew: df = {reader}" if reader else told


def _unknown_attribute(match: Match, context: ErrorContext) -> str:
    known = any(match.group(1) in table.columns for table in context.tables.values())
    return _unknown_key(match, context) if known else ""


def _reader(context: ErrorContext) -> str:
    """The call that reads the newest file that may be a table."""
    for file in reversed(context.files):
        if file in context.tables:
            return context.tables[file].read
        if reader := READERS.get(_ending(file)):
            return reader.format(literal(file))
    return ""


def _hidden_builtin(_: Match, context: ErrorContext) -> str:
    hidden = [name for name in sorted(context.variables & set(dir(builtins))) if f"{name}(" in context.code]
    return f"{hidden[0]} is a variable here and hides Python's own. Delete it first: del {hidden[0]}" if hidden else ""


def _ending(file: str) -> str:
    return file.rpartition(".")[2].lower()


def _missing(match: Match, context: ErrorContext) -> str:
    asked = PurePosixPath(match.group(1)).name if match.group(1) else ""
    if (name := Names(context.files).similar(asked)) is not None:
        return f"The file is called {literal(name)} here."
    return "Files that exist: " + (", ".join(context.files[-MAX_FILES:]) or "none")


_Tell = str | Callable[[Match, ErrorContext], str]
_RULES: tuple[tuple[tuple[str, ...], str, _Tell], ...] = (
    (("NameError",), r"name '(\w+)' is not defined", _undefined),
    (("FileNotFoundError",), r"(?:: ['\"](.{1,300})['\"])?$", _missing),
    (("KeyError",), r"^['\"](?:Column not found: )?(.{1,60}?)['\"]$", _unknown_key),
    (
        ("AttributeError",),
        r"^'DataFrame(?:GroupBy)?' object has no attribute '(\w{1,60})'",
        _unknown_attribute,
    ),
    (
        ("AttributeError",),
        r"Can only use \.dt accessor",
        "Make dates of the column first: df[column] = pd.to_datetime(df[column])",
    ),
    (
        ("AttributeError",),
        r"'(?:int|float|str)\w*' object has no attribute 'strftime'",
        'That is a number or a text, not a date. Print it as it is; the date of a row is df["date"][index]',
    ),
    (("AttributeError",), r"Can only use \.str accessor", "Make text of the column first: df[column].astype(str)"),
    (("TypeError",), r"object is not callable", _hidden_builtin),
    (("StdinNotImplementedError",), r"", "Nobody can type here. Write the value into the program."),
    (
        ("TypeError",),
        r"does not support (?:operation|reduction)",
        'That column holds dates or text. Name the column of numbers: df.groupby("g")["a"].sum()',
    ),
    (
        ("TypeError", "ValueError"),
        r"[Cc]ould not convert|unsupported operand .*'str'|dtype 'str'|agg function failed",
        'A column holds text. Use the columns of numbers alone: df.select_dtypes("number")',
    ),
    (
        ("ValueError",),
        r"contains? NaN|infs or nans",
        "Values are missing. Leave those rows out first: df.dropna(subset=[column])",
    ),
    (
        ("RuntimeError",),
        r"running event loop|event loop is already running|[Aa]lready running asyncio",
        "An event loop runs here already, so a program can await at its top level: result = await main()",
    ),
    (
        ("ModuleNotFoundError",),
        r"",
        "Use what is installed: numpy, pandas, scipy, sklearn, matplotlib and Python's own modules.",
    ),
)
