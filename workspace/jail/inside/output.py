"""A cell's output: limited before it leaves the kernel, and complete when the cell ends."""

import codecs
import io
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ipykernel.iostream import OutStream
from jupyter_client.session import Session

from ..text import whole

_SHORT = 10_000
_VALUES = {"execute_result", "display_data", "update_display_data"}
_LATE_SHARE = 0.1
_PIPE = 1 << 16


class Budget:
    """How many characters the current cell may still print, and the threads of earlier cells meanwhile."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.renew()

    def renew(self) -> None:
        """Reset for a new cell."""
        self._left = self._size
        self._late_left = int(self._size * _LATE_SHARE)

    def take(self, text: str, *, late: bool = False) -> str:
        """The part of `text` that fits; the first part that does not fit is replaced with a note."""
        if late:
            fitting = text[: max(0, self._late_left)]
            self._late_left -= len(text)
            return fitting
        if self._left < 0:
            return ""
        self._left -= len(text)
        if self._left >= 0:
            return text
        return text[: len(text) + self._left] + f"\n[output cut after {self._size} characters]\n"


def _note(content: Any, size: int) -> dict[str, Any]:
    """A small content in place of one of `size` bytes."""
    note = f"[{size >> 20} MB, too much to show]"
    told = content if isinstance(content, dict) else {}
    small = {name: value for name, value in told.items() if isinstance(value, str) and len(value) <= _SHORT}
    if "evalue" in told:
        return {"evalue": str(told["evalue"])[:_SHORT], "traceback": [], **small}
    return {"data": {"text/plain": note}, "metadata": {}, "text": note, **small}


class BudgetedStream(OutStream):  # type: ignore[misc]
    """The kernel's stdout or stderr, within a budget. What processes write to the descriptor is part of it."""

    def __init__(self, session: Session, thread: Any, name: str, budget: Budget) -> None:
        self._budget = budget
        self._kept: deque[tuple[dict[str, Any], str]] = deque()
        self._between_cells = False
        self._piped = threading.Lock()
        self._decoder = _decoder()
        super().__init__(session, thread, name)

    def write(self, string: str) -> int:
        """Pass on what fits; the rest is dropped as if it had been written."""
        if isinstance(string, str):
            parent = self.parent_header
            late = self._between_cells or parent is not self._parent_header_global
            fitting = whole(self._budget.take(string, late=late))
            if fitting and self._between_cells:
                self._kept.append((parent, fitting))
            elif fitting:
                super().write(fitting)
            return len(string)
        super().write(string)  # raises the error that callers expect
        return 0

    def begin_cell(self) -> None:
        """Print what threads of earlier cells have printed since: nobody was there to receive it."""
        self._between_cells = False
        while self._kept:
            parent, text = self._kept.popleft()
            token = self._parent_header.set(parent)
            super().write(text)
            self._parent_header.reset(token)

    def end_cell(self) -> None:
        """Include what processes have written, then keep everything until the next cell."""
        self.begin_cell()  # IPython does not announce the beginning of an empty cell
        self.drain()
        self._between_cells = True

    def drain(self) -> None:
        """Take over what processes have written so far."""
        if self._fid is not None:
            with self._piped:
                self._read_pipe()
                if rest := self._decoder.decode(b"", final=True):
                    self.write(rest)

    def _watch_pipe_fd(self) -> None:
        """In upstream's thread, which reads so little at once that it breaks characters of several bytes."""
        os.set_blocking(self._fid, False)
        while self._should_watch:
            select.select([self._fid], [], [])
            with self._piped:
                self._read_pipe()

    def _read_pipe(self) -> None:
        """At most twice what fits into the pipe: a thread may write faster than this one reads."""
        with suppress(BlockingIOError):
            for _ in range(2):
                data = os.read(self._fid, _PIPE)
                self.write(self._decoder.decode(data))
                if not data:
                    self._should_watch = False  # every process has closed its end, this one too

    @property
    def buffer(self) -> "BinaryOutput":
        """For programs that write bytes, or wrap the stream to choose its encoding."""
        return BinaryOutput(self)

    def reconfigure(self, **_options: object) -> None:
        """Like `io.TextIOWrapper.reconfigure`, without effect: the encoding is always UTF-8."""


class BinaryOutput(io.BufferedIOBase):
    """Writes bytes to a text stream, as UTF-8. Closing it leaves the stream open."""

    def __init__(self, stream: OutStream) -> None:
        self._stream = stream
        self._decoder = _decoder()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Bytes that are not UTF-8 become U+FFFD."""
        view = bytes(data)
        self._stream.write(self._decoder.decode(view))
        return len(view)

    def flush(self) -> None:
        self._stream.flush()


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")


class Streams:
    """The kernel's own streams, which a cell may redirect until its end."""

    def __init__(self) -> None:
        self._own = {"stdout": sys.stdout, "stderr": sys.stderr}

    def begin_cell(self) -> None:
        for own in self._own.values():
            if isinstance(own, BudgetedStream):
                own.begin_cell()

    def restore(self) -> None:
        """At the end of a cell: undo redirections, which would swallow the output of later cells, and collect the
        output of processes.
        """
        for name, own in self._own.items():
            current = getattr(sys, name)
            if current is not own:
                setattr(sys, name, own)
                if type(current) is io.TextIOWrapper and not current.closed:
                    with suppress(OSError, ValueError):
                        current.flush()
            if isinstance(own, BudgetedStream):
                own.end_cell()


class CutSession(Session):
    """Truncates single values that are too long to show, such as the text of a list of millions.

    The server takes a longer message for an attack.
    """

    longest = 1 << 20
    """Characters of a text."""

    message_size = 8 << 20
    """Bytes of a message."""

    def send(self, stream: Any, msg_or_type: Any, *args: Any, **kwargs: Any) -> Any:
        """Like `Session.send`, with the texts of displayed values cut to `longest` characters."""
        if isinstance(msg_or_type, dict) and msg_or_type.get("msg_type") in _VALUES:
            content = msg_or_type["content"]
            content["data"] = {kind: self._cut(kind, value) for kind, value in content["data"].items()}
        return super().send(stream, msg_or_type, *args, **kwargs)

    def serialize(self, msg: dict[str, Any], ident: list[bytes] | bytes | None = None) -> list[bytes]:
        """Like `Session.serialize`; what is too large for a message is replaced with a note."""
        frames = super().serialize(msg, ident)
        if (size := sum(map(len, frames))) <= self.message_size:
            return frames
        return super().serialize({**msg, "content": _note(msg["content"], size)}, ident)

    def _cut(self, kind: str, value: Any) -> Any:
        if kind.startswith("text/") and isinstance(value, str) and len(value) > self.longest:
            return value[: self.longest] + f"\n[cut: {len(value)} characters in all]"
        return value


def packing_all_text(pack: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """A session's `pack` that also takes halves of surrogate pairs, which would make it drop the whole message."""

    def pack_whole(message: Any) -> bytes:
        try:
            return pack(message)
        except UnicodeEncodeError:
            return pack(_with_whole_text(message))

    return pack_whole


def _with_whole_text(value: Any) -> Any:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {_with_whole_text(key): _with_whole_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_whole_text(item) for item in value]
    return value
