"""The results of one cell: output, last value, error and files."""

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from workspace.jail.channels.messages import Failure
from workspace.jail.text import whole

_ANSI = re.compile(r"\x1b\[[0-9;?]{0,32}[A-Za-z]|\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)")
_ARROW = re.compile(r"^-+>\s*(\d+)\s?(.*)$")
MAX_FRAMES = 50
MAX_FRAME = 10_000
CUT = "\n… [{} characters left out] …\n"


class Tape:
    """Keeps the beginning and the end of a long output, in bounded memory."""

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._head = ""
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._dropped = 0

    def write(self, text: str) -> None:
        room = self._half - len(self._head)
        if room > 0:
            self._head += text[:room]
            text = text[room:]
        if not text:
            return
        if len(text) > self._half:
            self._dropped += len(text) - self._half
            text = text[-self._half :]
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size - len(self._tail[0]) >= self._half:
            gone = self._tail.popleft()
            self._tail_size -= len(gone)
            self._dropped += len(gone)

    def text(self) -> str:
        tail = "".join(self._tail)
        extra = max(0, len(tail) - self._half)
        dropped = self._dropped + extra
        if not dropped:
            return plain(self._head + tail)
        return plain(self._head) + CUT.format(dropped) + plain(tail[extra:])


@dataclass(frozen=True, slots=True)
class CellError:
    """An exception in the user's code."""

    name: str
    message: str
    line: int | None = None
    source: str = ""

    def short(self) -> str:
        """Two lines: where, and what."""
        where = f"Line {self.line}: {self.source.strip()}\n" if self.line is not None else ""
        return f"{where}{self.name}: {self.message}"


@dataclass(frozen=True, slots=True)
class CellResult:
    """`status`: ok; error (the code raised); timeout (interrupted, or killed if it did not stop); died (the kernel's
    process ended, `why_died` may say why). `lost`: earlier variables that could not be restored when the kernel was
    restarted for this cell, with the reason. `restarted`: why the kernel was ended before this cell, if the service
    ended it. `late`: what threads of earlier cells have printed since.
    """

    status: Literal["ok", "error", "timeout", "died"]
    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    error: CellError | None = None
    new_files: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    restarted: str = ""
    late: str = ""
    why_died: str = ""
    seconds: float = 0.0


def plain(text: str) -> str:
    """Without colors and halves of surrogate pairs, and with progress bars reduced to their last state."""
    lines = _ANSI.sub("", whole(text)).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)


def to_error(failure: Failure) -> CellError:
    """From a Jupyter `error` message; the line is the last one of the traceback that is in the user's cell."""
    line, source = None, ""
    frames = [plain(frame[:MAX_FRAME]) for frame in failure.traceback[-MAX_FRAMES:]]
    for frame in frames:
        if "Cell In[" not in frame and "File <" not in frame and "<ipython-input" not in frame:
            continue
        for text in frame.split("\n"):
            if hit := _ARROW.match(text.strip()):
                line, source = int(hit.group(1)), hit.group(2)
    if line is None and failure.ename == "SyntaxError":
        line, source = _syntax_error(frames)
    return CellError(
        name=whole(failure.ename[:200]),
        message=whole(failure.evalue[:MAX_FRAME]),
        line=line,
        source=source,
    )


def _syntax_error(frames: list[str]) -> tuple[int | None, str]:
    for frame in frames:
        if hit := re.search(r"line (\d+)\n(.*)\n", frame + "\n"):
            return int(hit.group(1)), hit.group(2)
    return None, ""
