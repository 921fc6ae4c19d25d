"""Shares what all users have in common: threads, places of a pool, slots of a model.

Work is charged to the tenant in whose context it is asked for. Whoever has the least work under way is next; among
equals, whoever has waited longest since their last turn (max-min fairness: Bertsekas and Gallager, Data Networks,
section 6.5.2).
"""

import asyncio
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

from typing_extensions import override

from workspace.threads import settle

SERVICE = ""
"""The tenant of the service's own work."""
TENANT: ContextVar[str] = ContextVar("tenant", default=SERVICE)
"""Whom the current task works for: the ID of a user; before a login, the client's address."""

T = TypeVar("T")
P = ParamSpec("P")


class FairQueue(Generic[T]):
    """Waiting items and the number of taken ones, per tenant. Not thread-safe."""

    def __init__(self, most: int | None = None) -> None:
        """No tenant but the service itself has more than `most` items taken at once."""
        self._most = most
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self.taken: Counter[str] = Counter()
        """Items that were taken and not returned, per tenant."""

    def __bool__(self) -> bool:
        """Whether any item is waiting."""
        return bool(self._waiting)

    def add(self, tenant: str, item: T, *, first: bool = False) -> None:
        """`first`: before the tenant's other items."""
        items = self._waiting.setdefault(tenant, deque())
        if first:
            items.appendleft(item)
        else:
            items.append(item)

    def next_tenant(self) -> str | None:
        """The tenant whose item `take` returns."""
        able = [tenant for tenant in self._waiting if self._may_take(tenant)]
        return min(able, key=lambda tenant: self.taken[tenant], default=None)

    def _may_take(self, tenant: str) -> bool:
        return self._most is None or tenant == SERVICE or self.taken[tenant] < self._most

    def take(self) -> tuple[str, T] | None:
        """The next item and its tenant, who must give it back; None if nobody's turn has come."""
        tenant = self.next_tenant()
        if tenant is None:
            return None
        items = self._waiting.pop(tenant)
        item = items.popleft()
        if items:
            self._waiting[tenant] = items  # at the end: the others come first
        self.taken[tenant] += 1
        return tenant, item

    def give_back(self, tenant: str) -> None:
        """An item that was taken is done."""
        self.taken[tenant] -= 1
        if not self.taken[tenant]:
            del self.taken[tenant]

    def clear(self) -> list[T]:
        """Remove and return all waiting items."""
        items = [item for waiting in self._waiting.values() for item in waiting]
        self._waiting.clear()
        return items


class FairExecutor(ThreadPoolExecutor):
    """A pool of threads in which no tenant can keep the others waiting. It may be an event loop's default executor."""

    def __init__(
        self, threads: int, per_tenant: int, name: str = "", initializer: Callable[[], object] | None = None
    ) -> None:
        super().__init__(threads, name, initializer)
        self._queue: FairQueue[tuple[Future[Any], Callable[[], Any]]] = FairQueue(per_tenant)
        self._free = threads
        self._changing = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Start all threads now: a thread that starts later keeps whoever submits waiting until it has run."""
        meeting = threading.Barrier(self._max_workers)
        for future in [super(FairExecutor, self).submit(meeting.wait) for _ in range(self._max_workers)]:
            future.result()

    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """See `Executor`."""
        future: Future[T] = Future()
        with self._changing:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._queue.add(TENANT.get(), (future, partial(fn, *args, **kwargs)))
            if self._free and (taken := self._queue.take()):
                self._free -= 1
                super().submit(self._work, [taken])
        return future

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `Executor`."""
        with self._changing:
            self._closed = True
            waiting = self._queue.clear() if cancel_futures else []
        for future, _ in waiting:
            future.cancel()
        super().shutdown(wait, cancel_futures=cancel_futures)

    def _work(self, next_ones: list[tuple[str, tuple[Future[Any], Callable[[], Any]]]]) -> None:
        """Empties the list, which has the first one, and goes on until nobody's turn has come."""
        while next_ones:
            tenant, (future, call) = next_ones.pop()
            settle(future, call)
            del future, call  # what is done must not be kept alive
            with self._changing:
                self._queue.give_back(tenant)
                if taken := self._queue.take():
                    next_ones.append(taken)
                else:
                    self._free += 1
            del taken


class FairPlaces:
    """A fixed number of places that a tenant may use all of while nobody else wants one.

    A tenant that has none gets an additional place at once, as long as there are fewer than twice as many users as
    places.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._used = 0
        self._queue: FairQueue[asyncio.Future[None]] = FairQueue()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and keep it for the duration of the block."""
        tenant = TENANT.get()
        admission: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.add(tenant, admission)
        self._admit()
        try:
            await admission
            yield
        finally:
            if admission.done() and not admission.cancelled():
                self._leave(tenant)

    def _leave(self, tenant: str) -> None:
        self._queue.give_back(tenant)
        self._used -= 1
        self._admit()

    def _admit(self) -> None:
        while (tenant := self._queue.next_tenant()) is not None:
            most = self._places if self._queue.taken[tenant] else 2 * self._places
            if self._used >= most:
                return
            taken = self._queue.take()
            assert taken is not None
            if taken[1].cancelled():
                self._queue.give_back(tenant)
                continue
            self._used += 1
            taken[1].set_result(None)
