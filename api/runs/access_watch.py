"""Ends what users do who may no longer use the service: their runs, their connections and their kernels.

The database is asked again and again, so that it does not matter which process disabled the account.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiosqlite

from api.errors import ApiError
from api.runs.run import Run
from api.runs.stop_reasons import FINAL
from checkpoints.api_keys import ApiKeys
from checkpoints.users import LOCAL, Standing, User, Users

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.5
End = Callable[[Exception], Coroutine[None, None, None]]


class Kernels(Protocol):
    """The kernels of this process."""

    def owners(self) -> Collection[str]:
        """The IDs of the users that have running kernels."""

    async def end_kernels(self, owner: str) -> None:
        """End the kernels of a user; their variables are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    user: User
    end: End


class AccessWatch:
    """Watches the users of runs and connections until it is closed."""

    def __init__(self, users: Users, api_keys: ApiKeys, kernels: Kernels) -> None:
        self._users = users
        self._api_keys = api_keys
        self._kernels = kernels
        self._runs: set[_Entry] = set()
        self._connections: set[_Entry] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._watch())

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, *self._ending, return_exceptions=True)

    def add_run(self, user: User, run: Run) -> None:
        """Stop the run when its user loses access."""
        if user.access is not None:
            entry = _Entry(user, run.stop)
            self._runs.add(entry)
            run.when_ended(lambda: self._runs.discard(entry))

    def add_connection(self, user: User, end: End) -> Callable[[], None]:
        """Call `end` when the user loses access, after their runs have ended; returns a function that prevents it."""
        entry = _Entry(user, end)
        if user.access is not None:
            self._connections.add(entry)
        return lambda: self._connections.discard(entry)

    async def check(self) -> None:
        """End now what must end."""
        entries = [*self._runs, *self._connections]
        owners = set(self._kernels.owners()) - {LOCAL.id}
        if not entries and not owners:
            return
        standings = await self._users.standings({entry.user.id for entry in entries} | owners)
        keys = {entry.user.access.key for entry in entries if entry.user.access is not None}
        valid = await self._api_keys.existing({key for key in keys if key is not None})
        await asyncio.gather(*self._ends(self._runs, standings, valid))
        for end in self._ends(self._connections, standings, valid):
            task = asyncio.create_task(end)  # a client that does not read must not delay the others
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        gone = [owner for owner in owners if owner not in standings or standings[owner].disabled]
        await asyncio.gather(*(self._kernels.end_kernels(owner) for owner in gone))

    def _ends(
        self, group: set[_Entry], standings: dict[str, Standing], keys: set[str]
    ) -> list[Coroutine[None, None, None]]:
        """The ends of those in the group that have lost access, and are watched no longer."""
        lost = [(entry, why) for entry in group if (why := _reason(entry.user, standings, keys)) is not None]
        group.difference_update(entry for entry, _ in lost)
        return [entry.end(why) for entry, why in lost]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self.check()
            except aiosqlite.Error as error:
                log.warning("users could not be checked; retrying: %s", error)


@asynccontextmanager
async def open_access_watch(users: Users, api_keys: ApiKeys, kernels: Kernels) -> AsyncIterator[AccessWatch]:
    """The watch, during the block."""
    watch = AccessWatch(users, api_keys, kernels)
    try:
        yield watch
    finally:
        await watch.aclose()


def _reason(user: User, standings: dict[str, Standing], keys: set[str]) -> Exception | None:
    """Why the user has lost access; None if they have not."""
    access, standing = user.access, standings.get(user.id)
    if access is None:
        return None
    if standing is None or standing.disabled:
        return _revoked("This account is disabled.", "account_disabled")
    if access.key is not None:
        return None if access.key in keys else _revoked("This API key was revoked.", "key_revoked")
    if access.generation != standing.generation:
        return _revoked("The password was changed; log in again.", "token_revoked")
    return None


def _revoked(message: str, code: str) -> ApiError:
    return ApiError(401, message, kind="authentication_error", code=code, headers=FINAL)
