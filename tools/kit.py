"""What a tool may be given: everything of one session and its user, put together by `api`."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.files.reader import FileReader
from workspace.library import Library
from workspace.session import SessionWorkspace

OnOutput = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ToolKit:
    """Each tool takes what it needs."""

    workspace: SessionWorkspace
    library: Library | None = None
    """The user's own files; None where there is no user, as in Studio."""
    reader: FileReader | None = None
    """Reads the user's and the session's files."""
    on_output: OnOutput | None = None
    """Hears what a tool prints while it runs."""
