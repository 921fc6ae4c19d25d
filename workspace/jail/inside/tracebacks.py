"""Tracebacks of deep recursions: IPython would format every frame, which takes seconds."""

from types import TracebackType
from typing import Any

MAX_FRAMES = 30


def shorten_tracebacks(shell: Any) -> None:
    """Show only the first and last frames of a long traceback."""
    formatter = shell.InteractiveTB
    structured = formatter.structured_traceback

    def structured_short(etype: Any, evalue: Any = None, etb: Any = None, *args: Any, **kwargs: Any) -> Any:
        chained = evalue
        while isinstance(chained, BaseException):
            _shorten(chained.__traceback__)
            chained = chained.__cause__ or chained.__context__
        _shorten(etb)
        return structured(etype, evalue, etb, *args, **kwargs)

    formatter.structured_traceback = structured_short


def _shorten(traceback: TracebackType | None) -> None:
    entries = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    if len(entries) > MAX_FRAMES:
        entries[MAX_FRAMES // 2].tb_next = entries[-MAX_FRAMES // 2]
