"""Builds the Python that loads a table, and runs it, so that the profile describes what a program gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import pandas as pd

from tools.files.inference.conversion import arguments, assignment

NAME = "{name}"
"""Stands for the file's name as a Python literal."""
COLUMN = "\0"
"""Stands for a column in an expression that changes it."""
_ESCAPED_NAME = r"\u007bname}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A call of pandas, and what precedes and follows it."""

    function: str
    """`pd.read_excel` or `pd.read_csv`."""
    source: str
    """The first argument, as Python."""
    options: Mapping[str, Any] = field(default_factory=dict)
    after: str = ""
    """Python that is appended to the call."""
    setup: Sequence[str] = ()
    """Lines before the call, for `source`."""

    def expression(self, source: str, limits: Mapping[str, Any] | None = None) -> str:
        """Texts of the file that contain `{name}` are escaped."""
        rest = f"{arguments({**self.options, **(limits or {})})}){self.after}".replace(NAME, _ESCAPED_NAME)
        return f"{self.function}({source}{rest}"

    @property
    def code(self) -> str:
        """In one line if the setup has no more than one."""
        separator = "\n" if len(self.setup) > 1 else "; "
        return separator.join([*self.setup, f"df = {self.expression(self.source)}"])

    def run(self, source: Any, limits: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The table that `code` loads; `source` takes the place of the file, and `limits` are further options."""
        # This is what a program will run; all texts in it are quoted.
        frame: pd.DataFrame = eval(self.expression("source", limits), {"pd": pd, "source": source})  # noqa: S307
        return frame


def assigned(changes: Mapping[str, str]) -> str:
    """`.assign(…)` with an expression for each column, in which `COLUMN` stands for the column."""
    code = ""
    for change, group in groupby(sorted(changes.items(), key=lambda item: item[1]), key=lambda item: item[1]):
        code += assignment([name for name, _ in group], partial(change.replace, COLUMN))
    return code
