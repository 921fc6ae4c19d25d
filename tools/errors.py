"""The two ways in which a tool can fail. Both become observations in `nodes/tool_call.py`, nowhere else."""

from collections.abc import Mapping, Sequence
from typing import Any


class ToolError(Exception):
    """The text is for the model, `data` for programs. `new_files` are what the tool made before it failed."""

    def __init__(self, message: str, new_files: Sequence[str] = (), data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.new_files = list(new_files)
        self.data = dict(data or {})


class ToolRetry(ToolError):  # noqa: N818 (the design's word)
    """The model can mend its input; the text says how."""


class ToolSilent(ToolRetry):
    """It did what it was told and has nothing to say: enough for a person, not for a model that wants a value."""


class ToolFailed(ToolError):  # noqa: N818 (the design's word)
    """It cannot; it has to do without."""
