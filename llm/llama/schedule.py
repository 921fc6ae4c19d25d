"""Decides which request is served next: fairly among users, and in order of arrival for each of them.

A user may occupy all slots while nobody else wants one. When others do, the user with the most slots gives up the one
that was taken last; its request continues later, from the tokens that it had. Prompts are read in turns.
"""

from collections.abc import Sequence

from llm.llama.slots import Request, Slot
from workspace.fair_share import FairQueue

UNFAIR = 2
"""A user with this many more slots than another has to give one up."""


class Schedule:
    """Not thread-safe."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots
        self._queue: FairQueue[Request] = FairQueue()
        self._clock = 0
        self._read_at: dict[str, int] = {}
        """When each user's prompts were last read."""

    def __bool__(self) -> bool:
        """Whether any request is waiting."""
        return bool(self._queue)

    def add(self, request: Request) -> None:
        self._queue.add(request.tenant, request)

    def victim(self) -> Slot | None:
        """The slot that must be cleared before `take`; None if none must."""
        tenant = self._queue.next_tenant()
        if tenant is None or self._free:
            return None
        most, holders = max((count, holder) for holder, count in self._queue.taken.items())
        if most - self._queue.taken[tenant] < UNFAIR:
            return None
        theirs = [slot for slot in self._slots if slot.run and slot.run.request.tenant == holders]
        return max(theirs, key=lambda slot: slot.used_at)

    def take(self) -> Request | None:
        """The next request, which gets a slot now; None if there is none or no slot is free."""
        if not self._free or (taken := self._queue.take()) is None:
            return None
        tenant, request = taken
        self._read_at = {user: at for user, at in self._read_at.items() if self._queue.taken[user]}
        # a user who was away does not make up for it
        self._read_at.setdefault(tenant, min(self._read_at.values(), default=self._clock))
        return request

    def give_back(self, request: Request) -> None:
        """The request has left its slot, or did not get one."""
        self._queue.give_back(request.tenant)

    def put_back(self, request: Request) -> None:
        """The request has left its slot and goes on later, before its user's other requests."""
        self._queue.give_back(request.tenant)
        self._queue.add(request.tenant, request, first=True)

    def clear(self) -> list[Request]:
        """Remove and return all waiting requests."""
        return self._queue.clear()

    def in_turn(self) -> list[Slot]:
        """The slots in use; the prompt of the first one should be read now."""
        busy = [slot for slot in self._slots if slot.run is not None]
        return sorted(busy, key=lambda slot: (self._read_at[slot.run.request.tenant], slot.used_at))  # type: ignore[union-attr]

    def has_read(self, request: Request) -> None:
        """Part of the request's prompt was read."""
        self._clock += 1
        self._read_at[request.tenant] = self._clock

    @property
    def _free(self) -> bool:
        return any(slot.run is None for slot in self._slots)
