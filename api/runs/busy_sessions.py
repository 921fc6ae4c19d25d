"""What a request for a busy session does: give up, wait its turn, or interrupt the current answer (`X-Run-Policy`)."""

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar

from api.errors import ApiError
from api.runs.settings import RunPolicy

RETRY_SECONDS = 0.15
"""How often to look whether another process has released a session."""

L_co = TypeVar("L_co", covariant=True)


class Door(Protocol[L_co]):
    """The sessions that requests wait for."""

    async def enter(self, session_id: str) -> L_co | None:
        """The session's lock, or None while the session is busy. Raises an error if nobody may enter."""

    async def interrupt(self, session_id: str) -> None:
        """Stop the current run, in any process."""

    async def wait(self, session_id: str, seconds: float) -> None:
        """Return when this process releases the session, or after `seconds`."""


class BusySessions(Generic[L_co]):
    """Applies the policy of each request. Those that queue are served first come, first served."""

    def __init__(self, door: Door[L_co]) -> None:
        self._door = door
        self.waiting: dict[str, deque[object]] = {}
        """A ticket for each queued request, by session."""

    async def acquire(self, session_id: str, policy: RunPolicy, patience: float) -> L_co:
        """The session's lock. While the session is busy, `reject` raises 409 at once; `enqueue` waits in line;
        `interrupt` stops the current run and does not queue. Both raise 409 after `patience` seconds.
        """
        ticket, deadline = object(), asyncio.get_running_loop().time() + patience
        queue = self.waiting.setdefault(session_id, deque())
        if policy == "enqueue":
            queue.append(ticket)
        try:
            while True:
                first = policy == "interrupt" or not queue or queue[0] is ticket
                if first and (lock := await self._door.enter(session_id)) is not None:
                    return lock
                left = deadline - asyncio.get_running_loop().time()
                if policy == "reject" or left <= 0:
                    raise busy()
                if policy == "interrupt":
                    await self._door.interrupt(session_id)
                await self._door.wait(session_id, min(left, RETRY_SECONDS))
        finally:
            if policy == "enqueue":
                queue.remove(ticket)
            if not queue and self.waiting.get(session_id) is queue:
                del self.waiting[session_id]


def busy() -> ApiError:
    return ApiError(
        409,
        "This session is answering another message. Wait for it to finish, or use another session.",
        param="session_id",
        code="session_busy",
        headers={"Retry-After": "1"},
    )
