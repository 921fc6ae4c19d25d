"""The way out of a common error, in one line: small models repeat a mistake until they are told what to do instead."""

import re
from collections.abc import Callable, Sequence

from workspace.output import CellError

READERS = {
    "csv": 'pd.read_csv("{}")',
    "tsv": 'pd.read_csv("{}", sep="\\t")',
    "xlsx": 'pd.read_excel("{}")',
    "json": 'pd.read_json("{}")',
    "jsonl": 'pd.read_json("{}", lines=True)',
    "parquet": 'pd.read_parquet("{}")',
}
MODULES = {
    **{name: f"import {name}" for name in ("collections", "itertools", "json", "math", "os", "random", "re", "string")},
    **{name: f"from datetime import {name}" for name in ("date", "timedelta")},
    **{name: f"from collections import {name}" for name in ("Counter", "defaultdict")},
    "datetime": "from datetime import datetime",
    "stats": "from scipy import stats",
    "scipy": "import scipy.stats",
    "sns": "import matplotlib.pyplot as plt, and draw with plt: seaborn is not here",
}
MAX_FILES = 8

Match = re.Match[str]


def advice(error: CellError, files: Sequence[str], code: str = "") -> str:
    """A line to go with `error`, or nothing; `files` are the names in the working folder, `code` is what was run."""
    for names, pattern, tell in _RULES:
        if error.name in names and (match := re.search(pattern, error.message)):
            return tell(match, files, code) if callable(tell) else tell
    return ""


def _undefined(match: Match, files: Sequence[str], _: str) -> str:
    name = match.group(1)
    if name in MODULES:
        return f"The program has to import it first: {MODULES[name]}"
    for file in reversed(files):
        if reader := READERS.get(file.rpartition(".")[2].lower()):
            return f"Nothing named {name} exists yet. A table has to be read first: df = {reader.format(file)}"
    return f"Nothing named {name} exists yet. The program has to define it first."


def _unknown_key(match: Match, files: Sequence[str], code: str) -> str:
    key = match.group(1)
    if key.isidentifier() and re.search(rf"^\s*{key}\s*=[^=]", code, re.MULTILINE):
        return f"{key} is a variable, not a column. Make it one first: df[{key!r}] = {key}"
    told = f"There is no column or key {match.group()}."
    for file in reversed(files):
        if reader := READERS.get(file.rpartition(".")[2].lower()):
            return f"{told} df may be another table; read the right one anew: df = {reader.format(file)}"
    return told


def _missing(_: Match, files: Sequence[str], __: str) -> str:
    return "Files that exist: " + (", ".join(files[-MAX_FILES:]) or "none")


_Tell = str | Callable[[Match, Sequence[str], str], str]
_RULES: tuple[tuple[tuple[str, ...], str, _Tell], ...] = (
    (("NameError",), r"name '(\w+)' is not defined", _undefined),
    (("FileNotFoundError",), r"", _missing),
    (("KeyError",), r"^'(.{1,60})'$", _unknown_key),
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
        ("ModuleNotFoundError",),
        r"",
        "Use what is installed: numpy, pandas, scipy, sklearn, matplotlib and Python's own modules.",
    ),
)
