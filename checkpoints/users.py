"""The users table: accounts, roles and limits."""

import json
import re
import secrets
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import aiosqlite

Role = Literal["admin", "user", "guest"]
ROLES: tuple[Role, ...] = ("admin", "user", "guest")
USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LIMITS = ("requests_per_minute", "concurrent_runs", "tokens_per_day", "disk_mb")
SEEN_SECONDS = 60
"""`seen` is updated at most this often."""

CHANGE = """
UPDATE users SET
    role = coalesce(:role, role),
    generation = generation + (coalesce(:disabled, disabled) AND NOT disabled),
    disabled = coalesce(:disabled, disabled),
    requests_per_minute = iif(:requests_per_minute_given, :requests_per_minute, requests_per_minute),
    concurrent_runs = iif(:concurrent_runs_given, :concurrent_runs, concurrent_runs),
    tokens_per_day = iif(:tokens_per_day_given, :tokens_per_day, tokens_per_day),
    disk_mb = iif(:disk_mb_given, :disk_mb, disk_mb)
WHERE id = :id AND (
    (coalesce(:role, 'admin') = 'admin' AND NOT coalesce(:disabled, 0)) OR role <> 'admin' OR disabled OR EXISTS
    (SELECT 1 FROM users AS other WHERE other.role = 'admin' AND NOT other.disabled AND other.id <> :id)
)
RETURNING *
"""
DELETE = """
DELETE FROM users WHERE id = :id AND (
    role <> 'admin' OR disabled OR EXISTS
    (SELECT 1 FROM users AS other WHERE other.role = 'admin' AND NOT other.disabled AND other.id <> :id)
)
RETURNING *
"""
"""Both keep at least one enabled administrator. The statement itself ensures this, so two concurrent calls cannot
remove the last one.
"""


@dataclass(frozen=True, slots=True)
class Access:
    """What a request has proved its user with: a token of a generation, or an API key."""

    generation: int
    key: str | None = None
    """The key's ID; None for a token."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a user may still use the service."""

    disabled: bool
    generation: int


@dataclass(frozen=True, slots=True)
class User:
    """A user of the service."""

    id: str
    """Referenced by everything else: owners of sessions, folders of files. Never reused."""
    name: str
    role: Role
    requests_per_minute: int | None = None
    """Limits for this user; None means the limits of the settings, 0 no limit."""
    concurrent_runs: int | None = None
    tokens_per_day: int | None = None
    disk_mb: int | None = None
    access: Access | None = field(default=None, compare=False)
    """How the user of a request was authenticated; None without a login."""


LOCAL = User("local", "local", "admin", 0, 0, 0, 0)
"""The owner of the machine if no login is required. Never a row of the table."""


@dataclass(frozen=True, slots=True)
class Account:
    """A row: a user and their login data. Times are seconds since the epoch."""

    user: User
    password: str
    """The argon2 hash."""
    disabled: bool
    generation: int
    """Tokens of earlier generations are invalid."""
    created: float
    seen: float | None

    @property
    def id(self) -> str:
        return self.user.id


class LastAdminError(Exception):
    """Without this account, the service would have no administrator."""


class Users:
    """Rows of `users`. Each statement is one call, as in `Sessions`, and complete by itself: nothing is read first."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def create(self, name: str, password: str, role: Role) -> Account | None:
        """A new user, or None if the name is taken, in any case. Raises ValueError for an invalid name."""
        if not USER_NAME.fullmatch(name):
            raise ValueError("a name may have up to 64 letters, digits, dots, dashes and underscores")
        return await self._one(
            "INSERT INTO users (id, name, password, role, created) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING RETURNING *",
            (f"u_{secrets.token_hex(12)}", name, password, role, time.time()),
        )

    async def by_id(self, user_id: str) -> Account | None:
        return await self._one("SELECT * FROM users WHERE id = ?", (user_id,))

    async def by_name(self, name: str) -> Account | None:
        return await self._one("SELECT * FROM users WHERE name = ?", (name,))

    async def standings(self, user_ids: Collection[str]) -> dict[str, Standing]:
        """By user ID; without those that do not exist."""
        rows = await self._connection.execute_fetchall(
            "SELECT id, disabled, generation FROM users WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps([*user_ids]),),
        )
        return {str(row[0]): Standing(bool(row[1]), int(row[2])) for row in rows}

    async def page(self, *, after: str = "", limit: int = 100) -> list[Account]:
        """Users by name, after `after`."""
        rows = await self._connection.execute_fetchall(
            "SELECT * FROM users WHERE name > ? ORDER BY name LIMIT ?", (after, limit)
        )
        return [_account(row) for row in rows]

    async def admins(self) -> int:
        """Number of enabled administrators."""
        rows = await self._connection.execute_fetchall(
            "SELECT count(*) FROM users WHERE role = 'admin' AND NOT disabled"
        )
        return int(next(iter(rows))[0])

    async def change(
        self,
        user_id: str,
        *,
        role: Role | None = None,
        disabled: bool | None = None,
        limits: Mapping[str, int | None] | None = None,
    ) -> Account | None:
        """Change what is given; disabling revokes the user's tokens. None if there is no such user.

        Raises `LastAdminError`.
        """
        given = dict(limits or {})
        values: dict[str, object] = {"id": user_id, "role": role, "disabled": disabled}
        for name in LIMITS:
            values |= {name: given.get(name), f"{name}_given": name in given}
        account = await self._one(CHANGE, values)
        if account is None and await self.by_id(user_id) is not None:
            raise LastAdminError("the last administrator cannot be removed")
        return account

    async def set_password(self, user_id: str, password: str) -> Account | None:
        """A new password revokes all tokens."""
        return await self._one(
            "UPDATE users SET password = ?, generation = generation + 1 WHERE id = ? RETURNING *",
            (password, user_id),
        )

    async def delete(self, user_id: str) -> Account | None:
        """None if there is no such user. Raises `LastAdminError`."""
        account = await self._one(DELETE, {"id": user_id})
        if account is None and await self.by_id(user_id) is not None:
            raise LastAdminError("the last administrator cannot be removed")
        return account

    async def saw(self, account: Account) -> None:
        """Record that the user was active now."""
        now = time.time()
        if account.seen is None or now - account.seen > SEEN_SECONDS:
            # A full disk must not keep anybody from reading.
            with suppress(aiosqlite.OperationalError):
                await self._connection.execute_fetchall("UPDATE users SET seen = ? WHERE id = ?", (now, account.id))

    async def _one(self, statement: str, values: tuple[object, ...] | Mapping[str, object]) -> Account | None:
        rows = await self._connection.execute_fetchall(statement, values)
        return next((_account(row) for row in rows), None)


def _account(row: aiosqlite.Row | tuple[object, ...]) -> Account:
    user_id, name, password, role, disabled, generation, *rest = row
    *limits, created, seen = rest[:6]
    user = User(user_id, name, role, *limits)  # type: ignore[arg-type]
    return Account(user, password, bool(disabled), generation, created, seen)  # type: ignore[arg-type]
