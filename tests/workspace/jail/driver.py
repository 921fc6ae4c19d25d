"""Runs cells in a sandboxed kernel over the standard protocol, and collects their output."""

import asyncio
import queue
from dataclasses import dataclass, field
from typing import Any

from workspace.jail.handle import JailedKernel


class EndlessCellError(AssertionError):
    """The cell did not end."""


@dataclass
class Cell:
    """The result of one cell."""

    text: str = ""
    value: str = ""
    error: str = ""
    died: bool = False
    displays: list[dict[str, Any]] = field(default_factory=list)
    spoke: asyncio.Event = field(default_factory=asyncio.Event)


async def run(kernel: JailedKernel, code: str, *, seconds: float = 30, cell: Cell | None = None) -> Cell:
    """Run a cell to its end, or to the end of its kernel."""
    cell = cell or Cell()
    collecting = asyncio.create_task(_collect(kernel, code, cell))
    ending = asyncio.create_task(kernel.wait_for_exit())
    done, _ = await asyncio.wait({collecting, ending}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in {collecting, ending} - done:
        task.cancel()
    await asyncio.wait({collecting, ending})
    if collecting in done:
        await collecting
    elif ending in done:
        cell.died = True
    else:
        raise EndlessCellError(f"no end after {seconds} s: {code[:200]}")
    return cell


async def hear(kernel: JailedKernel, text: str) -> None:
    """Wait until the kernel prints `text`, in any cell."""
    async with asyncio.timeout(10):
        while True:
            message = await kernel.client.get_iopub_msg()
            if message["msg_type"] == "stream" and text in message["content"]["text"]:
                return


async def _collect(kernel: JailedKernel, code: str, cell: Cell) -> None:
    request = kernel.client.execute(code, allow_stdin=False)
    while True:
        try:
            message = await kernel.client.get_iopub_msg(timeout=60)
        except queue.Empty:
            continue
        if message["parent_header"].get("msg_id") == request and _note(message, cell):
            return


def _note(message: dict[str, Any], cell: Cell) -> bool:
    content = message["content"]
    match message["msg_type"]:
        case "stream":
            cell.text += content["text"]
            cell.spoke.set()
        case "execute_result":
            cell.value = content["data"].get("text/plain", "")
        case "display_data":
            cell.displays.append(content["data"])
        case "error":
            cell.error = f"{content['ename']}: {content['evalue']}"
        case "status":
            return bool(content["execution_state"] == "idle")
    return False
