"""Calculates formulas that have no results, as many programs write them.

Formulas are as hostile as the file that they are in: they may take all memory, which ends the process that calculates
them, or forever. So a process of its own calculates.
"""

import os
import select
import signal
import time
from dataclasses import dataclass

import formualizer

from tools.files.profile import plain
from tools.files.source import Source

SECONDS = 8.0
MAX_BYTES = 30 << 20
"""Size of a workbook whose formulas are calculated."""
SETUP = "import formualizer, io, pathlib"
CALCULATED = 'io.BytesIO(formualizer.recalculate_xlsx_bytes(pathlib.Path({name}).read_bytes())["bytes"])'
"""The calculated workbook in Python, after `SETUP`."""
_CHUNK = 1 << 20
_END = b"end"


@dataclass(frozen=True, slots=True)
class Calculation:
    """The workbook with the results of its formulas; or why there are none."""

    workbook: bytes | None
    failure: str = ""


def calculate(source: Source) -> Calculation:
    """Never raises because of the formulas."""
    if source.size > MAX_BYTES:
        return Calculation(None, "the workbook is too large")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _calculate(source, writer)
    os.close(writer)
    try:
        answer = _received(reader, time.monotonic() + SECONDS)
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if not answer.endswith(_END):
        return Calculation(None, "it takes too much time or memory")
    if answer.startswith(b"+"):
        return Calculation(answer[1 : -len(_END)])
    return Calculation(None, _reason(answer[1 : -len(_END)].decode(errors="replace")))


def _reason(error: str) -> str:
    """The library's message without the words that a user cannot make sense of."""
    if "#CIRC!" in error:
        return "a formula refers to itself"
    return plain(error.rpartition("error: ")[2].removeprefix("recalculate XLSX failed: "), 150)


def _calculate(source: Source, writer: int) -> None:
    try:
        try:
            answer = b"+" + formualizer.recalculate_xlsx_bytes(source.path.read_bytes())["bytes"]
        except (OSError, ValueError, RuntimeError) as error:
            answer = b"-" + str(error)[:300].encode()
        with os.fdopen(writer, "wb") as file:
            file.write(answer + _END)
    finally:  # no code of the parent may run on in the child
        os._exit(0)


def _received(reader: int, until: float) -> bytes:
    """Empty if the child ended early or takes too long."""
    received = bytearray()
    while select.select([reader], [], [], max(0.0, until - time.monotonic()))[0]:
        chunk = os.read(reader, _CHUNK)
        if not chunk:
            return bytes(received)
        received += chunk
    return b""
