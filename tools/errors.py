"""The two ways in which a tool can fail. Both become observations, only in `nodes/tool_call.py`."""

from collections.abc import Mapping, Sequence
from typing import Any


class ToolError(Exception):
    """The message is for the model, `data` for programs. `new_files` are the files created before the failure."""

    def __init__(self, message: str, new_files: Sequence[str] = (), data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.new_files = list(new_files)
        self.data = dict(data or {})


class ToolRetry(ToolError):  # noqa: N818 (the design's word)
    """The model can correct its input; the message says how."""


class ToolSilent(ToolRetry):
    """It succeeded without output: enough for a person, not for a model that needs a value."""


class ToolFailed(ToolError):  # noqa: N818 (the design's word)
    """It cannot succeed; the model must continue without it."""
