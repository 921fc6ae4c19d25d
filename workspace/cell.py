"""Executes one cell on a kernel and collects its output."""

import asyncio
import base64
import binascii
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from workspace.jail.channels.messages import Content, Display, Failure, Late, Stream, Value
from workspace.jail.handle import JailedKernel
from workspace.jail.text import whole
from workspace.names import free_name
from workspace.output import CellError, CellResult, Tape, plain, to_error

MAX_HTML = 1 << 20
MAX_LATE = 4_000
"""Maximum number of characters kept of what threads of earlier cells print."""
SUCCESS = ("", "0", "None")
"""Arguments of `sys.exit` that mean success."""
MAX_IMAGES = 20
MAX_IMAGE_BYTES = 10 << 20


class Cell:
    """Sends one execute request and collects its output, which arrives in another thread."""

    def __init__(self, kernel: JailedKernel, code: str, limit: int, on_output: Callable[[str], None] | None) -> None:
        self._kernel = kernel
        self._code = code
        self._live = None if on_output is None else _Live(on_output)
        self._stdout = Tape(limit)
        self._stderr = Tape(limit)
        self._late = Tape(min(limit, MAX_LATE))
        self._value: str | None = None
        self._limit = limit
        self._error: CellError | None = None
        self._images: list[str] = []
        self._html: str | None = None
        self.began = False
        """Whether the kernel has started it."""

    async def execute(self) -> Literal["ok", "error"]:
        """Run to the end: until both the reply and the end of the output have arrived. Raises KernelGone."""
        reply = await self._kernel.execute(self._code, self._take)
        if self._error is not None and self._error.name == "SystemExit" and self._error.message in SUCCESS:
            self._error = None  # `sys.exit()`, the ordinary end of a script
            return "ok"
        return "ok" if reply.status == "ok" else "error"

    def _take(self, content: Content) -> None:
        """The content comes from the cell, so nothing about it is trusted."""
        if isinstance(content, Late):
            self._late.write(content.text)
            return
        self.began = True
        match content:
            case Stream(name, text):
                (self._stderr if name == "stderr" else self._stdout).write(text)
                if self._live is not None:
                    self._live.write(whole(text))
            case Display(artifact=str()):
                pass  # a figure saved by the kernel: it is found among the new files
            case Display():
                self._take_display(content)
            case Failure():
                self._error = to_error(content)

    def _take_display(self, content: Display) -> None:
        image = content.png
        if image is not None and len(self._images) < MAX_IMAGES and len(image) < MAX_IMAGE_BYTES * 4 // 3:
            self._images.append(image)
            return
        text = plain(content.text[: self._limit])
        if isinstance(content, Value):
            self._value = text
            self._html = content.html if content.html is not None and len(content.html) < MAX_HTML else None
        elif text:
            self._stdout.write(text + "\n")

    def save_displays(self, folder: Path) -> list[str]:
        """Save what the cell displayed besides text as `image.png`, and an HTML last value as `value.html`; returns the
        names.
        """
        names = []
        for image in self._images:
            with contextlib.suppress(binascii.Error):
                names.append(_write(folder, "image.png", base64.b64decode(image)))
        if self._html is not None:
            names.append(_write(folder, "value.html", self._html.encode("utf-8", "replace")))
        return names

    def result(
        self,
        status: Literal["ok", "error", "timeout", "died"],
        *,
        new_files: list[str],
        lost: dict[str, str],
        restarted: str,
        why_died: str,
        seconds: float,
    ) -> CellResult:
        return CellResult(
            status=status,
            stdout=self._stdout.text(),
            stderr=self._stderr.text(),
            value=self._value,
            error=self._error,
            new_files=new_files,
            lost=lost,
            restarted=restarted,
            late=self._late.text(),
            why_died=why_died,
            seconds=seconds,
        )


class _Live:
    """Passes text from another thread on to the event loop, which takes all that has arrived at once."""

    def __init__(self, on_output: Callable[[str], None]) -> None:
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._pending: list[str] = []

    def write(self, text: str) -> None:
        with self._lock:
            first = not self._pending
            self._pending.append(text)
        if first:
            self._loop.call_soon_threadsafe(self._pass_on)

    def _pass_on(self) -> None:
        with self._lock:
            texts, self._pending = self._pending, []
        self._on_output("".join(texts))


def _write(folder: Path, label: str, data: bytes) -> str:
    name = free_name(folder, label)
    with (folder / name).open("xb") as file:  # never through a link that the cell created there
        file.write(data)
    return name
