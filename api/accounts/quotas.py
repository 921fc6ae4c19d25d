"""Limits per user: requests per minute, concurrent runs, tokens per day, disk space.

Tokens are counted in the database when a run ends: a running run is finished, and the next one is refused. The rest is
counted in memory.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.accounts.settings import Quota
from api.errors import ApiError
from checkpoints.sessions import Sessions
from checkpoints.usage import Usage
from checkpoints.users import User
from workspace.jail.watchdog import folder_in_use

MINUTE = 60.0
DAY = 24 * 3600
MEASURED_SECONDS = 30.0
"""How long a measurement of the disk usage is reused."""
MAX_TRACKED = 10_000

Measure = Callable[[User], Awaitable[int]]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Quotas:
    """Responds with 429 when a user exceeds a limit. `measure` returns the bytes that a user has on disk."""

    def __init__(
        self, default: Quota, usage: Usage, measure: Measure, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._default = default
        self._usage = usage
        self._measure = measure
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._disk: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def of(self, user: User) -> Quota:
        """The user's own limits, with the defaults for those that are not set."""
        own = {name: getattr(user, name) for name in Quota.model_fields}
        return self._default.model_copy(update={name: limit for name, limit in own.items() if limit is not None})

    def request(self, user: User) -> None:
        """Count a request in a token bucket that holds one minute's requests and refills steadily. Raises 429."""
        limit = self.of(user).requests_per_minute
        if limit == 0:
            return
        now = self._clock()
        bucket = self._buckets.setdefault(user.id, _Bucket(float(limit), now))
        self._buckets.move_to_end(user.id)
        _bound(self._buckets)
        bucket.tokens = min(float(limit), bucket.tokens + (now - bucket.at) * limit / MINUTE)
        bucket.at = now
        if bucket.tokens < 1:
            wait = (1 - bucket.tokens) * MINUTE / limit
            raise _too_much(
                f"The limit of {limit} requests per minute is exceeded.",
                "rate_limit_error",
                "rate_limit_exceeded",
                wait,
            )
        bucket.tokens -= 1

    @asynccontextmanager
    async def run(self, user: User) -> AsyncIterator[None]:
        """Counts as one run for the duration of the block. Raises 429."""
        limit = self.of(user).concurrent_runs
        if limit and self._running[user.id] >= limit:
            text = f"{limit} of your requests are already being answered; wait for one to finish."
            raise _too_much(text, "rate_limit_error", "too_many_runs", 1)
        self._running[user.id] += 1
        try:
            await self._tokens_left(user)
            await self.room(user)
            yield
        finally:
            self._running[user.id] -= 1
            if not self._running[user.id]:
                del self._running[user.id]

    async def room(self, user: User, more: int = 0) -> None:
        """Check that there is space for `more` bytes, and count them as used until the next measurement. Raises 429."""
        limit = self.of(user).disk_mb << 20
        if limit == 0:
            return
        now = self._clock()
        at, size = self._disk.get(user.id, (0.0, 0))
        if user.id not in self._disk or now - at > MEASURED_SECONDS:
            at, size = now, await self._measure(user)
        if size + more > limit or (more == 0 and size >= limit):
            text = f"Your files and sessions use up your {limit >> 20} MB; delete some."
            raise _too_much(text, "insufficient_quota", "disk_full", MEASURED_SECONDS)
        self._disk[user.id] = (at, size + more)
        self._disk.move_to_end(user.id)
        _bound(self._disk)

    async def measure_again(self, user_id: str) -> None:
        """The user's files have changed."""
        self._disk.pop(user_id, None)

    async def session_deleted(self, user_id: str, _session_id: str) -> None:
        """One of the user's sessions was deleted."""
        self._disk.pop(user_id, None)

    async def _tokens_left(self, user: User) -> None:
        limit = self.of(user).tokens_per_day
        if limit and await self._usage.tokens_today(user.id) >= limit:
            text = f"You have used today's {limit} tokens; the limit is reset at midnight UTC."
            raise _too_much(text, "insufficient_quota", "tokens_used_up", DAY - time.time() % DAY)


def _too_much(message: str, kind: str, code: str, seconds: float) -> ApiError:
    return ApiError(429, message, kind=kind, code=code, headers={"Retry-After": str(int(seconds) + 1)})


def _bound(kept: OrderedDict[str, Any]) -> None:
    while len(kept) > MAX_TRACKED:
        kept.popitem(last=False)


MOST_FILES = 1_000_000


class DiskUse:
    """Measures a user's files and the folders and snapshots of their sessions, in a thread."""

    def __init__(
        self, user_dir: Callable[[str], Path], session_dirs: Sequence[Path], folder_size: int, sessions: Sessions
    ) -> None:
        """`session_dirs` contain a folder per session; one that cannot be measured counts as `folder_size` bytes."""
        self._user_dir = user_dir
        self._session_dirs = session_dirs
        self._folder_size = folder_size
        self._sessions = sessions

    async def __call__(self, user: User) -> int:
        """Bytes."""
        ids = await self._sessions.ids(user.id)
        folders = [folder / name for folder in self._session_dirs for name in ids]
        return await asyncio.to_thread(self._sum, [self._user_dir(user.id), *folders])

    def _sum(self, folders: Iterable[Path]) -> int:
        return sum(self._size(folder) for folder in folders)

    def _size(self, folder: Path) -> int:
        try:
            return folder_in_use(folder, MOST_FILES).size
        except OSError:  # a tree built to be unmeasurable counts as full
            return self._folder_size
