"""Password hashing with argon2id (pwdlib), in threads, a few at a time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.accounts.settings import Argon2Settings
from api.errors import ApiError
from workspace.fair_share import TENANT, FairPlaces

MIN_LENGTH, MAX_LENGTH = 8, 1024
LANES = 4
AT_ONCE = 2
MAX_WAITING = 32
"""Each check needs memory and a core; beyond this many waiting calls of one user or address, callers get a 503."""


class Passwords:
    """Hashes and verifies passwords, at constant cost. Both raise 503 if too many calls of the client are waiting."""

    def __init__(self, cost: Argon2Settings) -> None:
        self._hasher = PasswordHash((Argon2Hasher(cost.passes, cost.memory_mb * 1024, LANES),))
        self._places = FairPlaces(AT_ONCE)
        self._clients: Counter[str] = Counter()
        """Calls of each user or address, waiting ones included."""

    async def hash(self, password: str) -> str:
        """The hash to store."""
        async with self._slot():
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password matches the stored hash. None, for unknown users, takes the same time."""
        if stored is None:
            await self.hash(password)
            return False
        async with self._slot():
            return await asyncio.to_thread(self._hasher.verify, password, stored)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        client = TENANT.get()
        if self._clients[client] >= AT_ONCE + MAX_WAITING:
            raise ApiError(
                503,
                "Too many people are logging in; try again in a moment.",
                kind="service_unavailable",
                code="busy",
                headers={"Retry-After": "2"},
            )
        self._clients[client] += 1
        try:
            async with self._places.place():
                yield
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
