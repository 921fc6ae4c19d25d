"""Builds the Python that loads a table, and runs it, so that the profile describes what a program gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tools.files.inference.conversion import literal

NAME = "{name}"
"""Stands for the file's name as a Python literal."""
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
    steps: Sequence[str] = ()
    """Lines after the call, which change `df`."""

    def lines(self, source: str) -> list[str]:
        """From the call on. Texts of the file that contain `{name}` are escaped."""
        options = "".join(f", {key}={literal(value)}" for key, value in self.options.items())
        lines = [f"{options}){self.after}", *self.steps]
        lines = [line.replace(NAME, _ESCAPED_NAME) for line in lines]
        return [f"df = {self.function}({source}{lines[0]}", *lines[1:]]

    @property
    def code(self) -> str:
        return "\n".join([*self.setup, *self.lines(self.source)])

    def run(self, source: Any) -> pd.DataFrame:
        """The table that `code` loads; `source` takes the place of the file."""
        names: dict[str, Any] = {"pd": pd, "source": source}
        exec("\n".join(self.lines("source")), names)  # noqa: S102 (what a program will run; all texts in it are quoted)
        frame: pd.DataFrame = names["df"]
        return frame
