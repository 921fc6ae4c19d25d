"""Notices when the event loop is blocked: who blocks it keeps everybody waiting."""

import asyncio
import logging
import sys
import threading
import time
import traceback
from types import FrameType

log = logging.getLogger(__name__)

INTERVAL = 0.05
LIMIT = 0.1
"""Seconds from which a blocked loop is reported."""
MAX_FRAMES = 12


class LoopWatch:
    """A thread that watches the running loop. Logs the stack that blocks it, and counts."""

    def __init__(self) -> None:
        self.blocked = 0
        """How often the loop was blocked for more than `LIMIT`."""
        self.longest = 0.0
        """The longest time in seconds."""
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._stop = threading.Event()
        self._beat = time.monotonic()
        self._timer = self._loop.call_later(INTERVAL, self._tick)
        self._thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def aclose(self) -> None:
        self._timer.cancel()
        self._stop.set()
        await asyncio.to_thread(self._thread.join)

    def _tick(self) -> None:
        self._beat = time.monotonic()
        self._timer = self._loop.call_later(INTERVAL, self._tick)

    def _watch(self) -> None:
        told = 0.0
        while not self._stop.wait(INTERVAL):
            beat = self._beat
            late = time.monotonic() - beat - INTERVAL
            if late <= LIMIT:
                continue
            self.longest = max(self.longest, late)
            if beat != told:
                told = beat
                self.blocked += 1
                frame = sys._current_frames().get(self._thread_id)
                log.warning("the event loop has been blocked for %.0f ms by:\n%s", late * 1000, _stack(frame))


def _stack(frame: FrameType | None) -> str:
    return "".join(traceback.format_stack(frame)[-MAX_FRAMES:]) if frame else "(unknown)"
