"""One cell's life on the wire: the request, its output, its reply."""

import ast
import asyncio
import base64
import binascii
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from jupyter_client.asynchronous.client import AsyncKernelClient

from workspace.names import free_name
from workspace.output import CellError, CellResult, Tape, plain, to_error

log = logging.getLogger(__name__)

MAX_IMAGES = 20
MAX_IMAGE_BYTES = 10 << 20


class Cell:
    """Sends one execute request and gathers all that it answers."""

    def __init__(
        self,
        client: AsyncKernelClient,
        code: str,
        limit: int,
        on_output: Callable[[str], None] | None,
        *,
        silent: bool = False,
        expressions: dict[str, str] | None = None,
    ) -> None:
        self._client = client
        self._code = code
        self._silent = silent
        self._expressions = expressions or {}
        self._on_output = on_output
        self._stdout = Tape(limit)
        self._stderr = Tape(limit)
        self._value: str | None = None
        self._limit = limit
        self._error: CellError | None = None
        self._images: list[str] = []
        self._reply: dict[str, Any] = {}
        self.began = False

    async def execute(self) -> Literal["ok", "error"]:
        """Run to the end: both the reply and the output's end have come."""
        request = self._client.execute(
            self._code,
            silent=self._silent,
            store_history=not self._silent,
            user_expressions=self._expressions,
            allow_stdin=False,
        )
        await asyncio.gather(self._read_output(request), self._read_reply(request))
        return "ok" if self._reply.get("status") == "ok" else "error"

    async def _read_reply(self, request: str) -> None:
        while True:
            message = await self._client.get_shell_msg()
            if message["parent_header"].get("msg_id") == request:
                self._reply = message["content"]
                return

    async def _read_output(self, request: str) -> None:
        while True:
            try:
                message = await self._client.get_iopub_msg()
            except ValueError as error:  # a frame that our key did not sign: the cell's own doing
                log.warning("a malformed kernel message was dropped: %s", error)
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            self.began = True
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return
            self._take(kind, content)

    def _take(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "stream":
            tape = self._stderr if content["name"] == "stderr" else self._stdout
            tape.write(content["text"])
            if self._on_output is not None:
                self._on_output(content["text"])
        elif kind in ("execute_result", "display_data"):
            self._take_display(kind, content["data"])
        elif kind == "error":
            self._error = to_error(content)

    def _take_display(self, kind: str, data: dict[str, Any]) -> None:
        image = data.get("image/png")
        if isinstance(image, str) and len(self._images) < MAX_IMAGES and len(image) < MAX_IMAGE_BYTES * 4 // 3:
            self._images.append(image)
            return
        text = plain(str(data.get("text/plain", "")))
        if kind == "execute_result":
            self._value = text[: self._limit]
        elif text:
            self._stdout.write(text + "\n")

    def save_images(self, folder: Path) -> list[str]:
        """Write the figures that the cell showed as `figure.png`, `figure-2.png`, …; their names."""
        names = []
        for image in self._images:
            try:
                data = base64.b64decode(image)
            except binascii.Error:
                continue
            name = free_name(folder, "figure.png")
            (folder / name).write_bytes(data)
            names.append(name)
        return names

    def expression(self, name: str) -> str:
        """The value of a user expression that is a string; empty when it failed."""
        answer = self._reply.get("user_expressions", {}).get(name, {})
        if answer.get("status") != "ok":
            return ""
        text = answer["data"]["text/plain"]
        return str(ast.literal_eval(text))

    def result(
        self,
        status: Literal["ok", "error", "timeout", "died"],
        *,
        new_files: list[str],
        variables_lost: bool,
        seconds: float,
    ) -> CellResult:
        return CellResult(
            status=status,
            stdout=self._stdout.text(),
            stderr=self._stderr.text(),
            value=self._value,
            error=self._error,
            new_files=new_files,
            variables_lost=variables_lost,
            seconds=seconds,
        )
