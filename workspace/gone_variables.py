"""Variables that a session's conversation speaks of, but that its Python never had: those from before a fork."""

from collections.abc import Sequence
from pathlib import Path

from workspace.jail.variables import Report, Variable

_FILE = "gone.json"


class GoneVariables:
    """A session's list, next to its snapshot. All methods block on disk access: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        """`folder` has the session's snapshot, and is deleted with it."""
        self._file = folder / _FILE

    def read(self) -> list[Variable]:
        """Empty if there are none."""
        try:
            return list(Report.from_json(self._file.read_bytes()).variables)
        except FileNotFoundError:
            return []

    def write(self, variables: Sequence[Variable]) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file.write_bytes(Report(tuple(variables)).to_json())
