"""Runs cells in a sandboxed kernel over the standard protocol, and collects their output."""

import asyncio
from dataclasses import dataclass, field

from workspace.jail.channels.messages import Content, Display, Failure, Stream, Value
from workspace.jail.handle import JailedKernel, KernelGone


class EndlessCellError(AssertionError):
    """The cell did not end."""


@dataclass
class Cell:
    """The result of one cell."""

    text: str = ""
    value: str = ""
    error: str = ""
    died: bool = False
    displays: list[Display] = field(default_factory=list)
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


async def _collect(kernel: JailedKernel, code: str, cell: Cell) -> None:
    loop = asyncio.get_running_loop()

    def take(content: Content) -> None:
        loop.call_soon_threadsafe(_note, content, cell)

    try:
        await kernel.execute(code, take)
    except KernelGone:
        cell.died = True


def _note(content: Content, cell: Cell) -> None:
    match content:
        case Stream(_, text):
            cell.text += text
            cell.spoke.set()
        case Value():
            cell.value = content.text
        case Display():
            cell.displays.append(content)
        case Failure():
            cell.error = f"{content.ename}: {content.evalue}"
