"""Steps that are not left half-done when their task is cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def whole(work: Coroutine[Any, Any, None]) -> None:
    """Do `work` to its end; a cancellation that comes meanwhile goes on afterwards.

    For writes whose result says what has to be undone: a statement that has been sent is carried out, whether
    anybody waits for it or not.
    """
    task, cancelled = asyncio.create_task(work), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:  # maybe more than once
            cancelled = error
    if cancelled is not None:
        raise cancelled from task.exception()
    await task
