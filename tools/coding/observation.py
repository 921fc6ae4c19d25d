"""Describes the result of a program for a model."""

import re

from tools.coding.advice import ErrorContext, advice
from workspace.output import CellResult

_EMPTY_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
MAX_STDERR = 1000
MAX_OBSERVATION = 4000
"""Maximum characters of output in an observation; the middle of longer output is left out."""
LOST = "Note: Python was restarted before this program ran. These variables could not be kept: {names}."
RESTARTED = "Note: Python was ended after the last program ({why}) and restarted with the variables of that time."
LATE = "Note: threads that earlier programs started have printed:\n{output}\nThe output of this program:"
TOO_SLOW = (
    "The program ran for more than {seconds:.0f} seconds and was stopped. Use a much faster method: a loop or a "
    "formula instead of recursion, vectorised operations instead of loops, or less data."
)
DIED = (
    "Python itself ended while the program ran{why}. What this program had defined is gone; earlier variables are kept."
)
SILENT = "The program ran but printed nothing. print() the values that are asked for."


def observation(result: CellResult, context: ErrorContext | None = None) -> str:
    """Output, the last value, the error with its line and a hint, new files; the middle is cut if it is long."""
    parts = []
    if result.lost:
        names = "; ".join(f"{name} ({reason})" for name, reason in list(result.lost.items())[:20])
        parts.append(LOST.format(names=names))
    if result.restarted:
        parts.append(RESTARTED.format(why=result.restarted))
    if result.late.strip():
        parts.append(LATE.format(output=_lines(result.late)))
    parts.append(_lines(result.stdout))
    if result.value is not None and result.value != "None":
        parts.append(result.value)
    if result.status == "timeout":
        parts.append(TOO_SLOW.format(seconds=result.seconds))
    elif result.status == "died":
        parts.append(DIED.format(why=f": {result.why_died}" if result.why_died else ""))
    elif result.error is not None:
        parts += [result.error.short(), advice(result.error, context or ErrorContext())]
    if result.stderr.strip() and (result.status != "ok" or not any(parts)):
        parts.append(cut_middle(result.stderr.strip(), MAX_STDERR))
    if result.new_files:
        parts.append("New files: " + ", ".join(result.new_files[:20]))
    return cut_middle("\n".join(part for part in parts if part), MAX_OBSERVATION)


def _lines(text: str) -> str:
    """Without empty lines around it; blanks at the beginning of a line align a table."""
    return _EMPTY_LINES.sub("", text).rstrip()


def cut_middle(text: str, limit: int) -> str:
    """At most about `limit` characters, whole lines from both ends."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit // 2], text[-limit // 2 :]
    head = head.rpartition("\n")[0] or head
    tail = tail.partition("\n")[2] or tail
    return f"{head}\n… [{len(text) - len(head) - len(tail)} characters left out] …\n{tail}"
