"""Executes one cell on a kernel: the request, its output, its reply."""

import asyncio
import base64
import binascii
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from jupyter_client.asynchronous.client import AsyncKernelClient

from workspace.jail.text import whole
from workspace.jail.wire import ARTIFACT
from workspace.names import free_name
from workspace.output import CellError, CellResult, Tape, plain, to_error

log = logging.getLogger(__name__)

OUTPUT_GRACE = 5.0
MAX_HTML = 1 << 20
MAX_LATE = 4_000
"""Maximum number of characters kept of what threads of earlier cells print."""
SUCCESS = ("", "0", "None")
"""Arguments of `sys.exit` that mean success."""
MAX_IMAGES = 20
MAX_IMAGE_BYTES = 10 << 20


class Cell:
    """Sends one execute request and collects its output and reply."""

    def __init__(
        self,
        client: AsyncKernelClient,
        code: str,
        limit: int,
        on_output: Callable[[str], None] | None,
    ) -> None:
        self._client = client
        self._code = code
        self._on_output = on_output
        self._stdout = Tape(limit)
        self._stderr = Tape(limit)
        self._late = Tape(min(limit, MAX_LATE))
        self._value: str | None = None
        self._limit = limit
        self._error: CellError | None = None
        self._images: list[str] = []
        self._html: str | None = None
        self._reply: dict[str, Any] = {}
        self.began = False
        """Whether the kernel has started it."""
        self.confused = False
        """Its output did not end properly: the client must be replaced."""

    async def execute(self) -> Literal["ok", "error"]:
        """Run to the end: until both the reply and the end of the output have arrived.

        A message over the size limit is never delivered; the output's end may then be missing too, so it is not awaited
        for longer than `OUTPUT_GRACE`.
        """
        request = self._client.execute(self._code, allow_stdin=False)
        reading = asyncio.create_task(self._read_output(request))
        try:
            await self._read_reply(request)
            await asyncio.wait({reading}, timeout=OUTPUT_GRACE)
            self.confused = not reading.done()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if self._error is not None and self._error.name == "SystemExit" and self._error.message in SUCCESS:
            self._error = None  # `sys.exit()`, the ordinary end of a script
            return "ok"
        return "ok" if self._reply.get("status") == "ok" else "error"

    async def _read_reply(self, request: str) -> None:
        while True:
            message = await self._client.get_shell_msg()
            if message["parent_header"].get("msg_id") == request:
                self._reply = message["content"]
                return

    async def _read_output(self, request: str) -> None:
        while True:
            message = await self._client.get_iopub_msg()
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != request:
                if kind == "stream" and isinstance(text := content.get("text"), str):
                    self._late.write(text)
                continue
            self.began = True
            if kind == "status" and content["execution_state"] == "idle":
                return
            self._take(kind, content)

    def _take(self, kind: str, content: dict[str, Any]) -> None:
        """The content comes from the cell, so nothing about it is trusted."""
        if kind == "stream" and isinstance(text := content.get("text"), str):
            tape = self._stderr if content.get("name") == "stderr" else self._stdout
            tape.write(text)
            if self._on_output is not None:
                self._on_output(whole(text))
        elif kind in ("execute_result", "display_data") and isinstance(data := content.get("data"), dict):
            self._take_display(kind, data)
        elif kind == "error":
            self._error = to_error(content)

    def _take_display(self, kind: str, data: dict[str, Any]) -> None:
        if ARTIFACT in data:
            return  # a figure saved by the kernel: it is found among the new files
        image = data.get("image/png")
        if isinstance(image, str) and len(self._images) < MAX_IMAGES and len(image) < MAX_IMAGE_BYTES * 4 // 3:
            self._images.append(image)
            return
        text = plain(str(data.get("text/plain", ""))[: self._limit])
        if kind == "execute_result":
            self._value = text
            html = data.get("text/html")
            self._html = html if isinstance(html, str) and len(html) < MAX_HTML else None
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


def _write(folder: Path, label: str, data: bytes) -> str:
    name = free_name(folder, label)
    with (folder / name).open("xb") as file:  # never through a link that the cell created there
        file.write(data)
    return name
