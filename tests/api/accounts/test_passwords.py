"""Password checks are expensive: nobody's keep the others out."""

import asyncio

from api.accounts.passwords import AT_ONCE, MAX_WAITING, Passwords
from api.accounts.settings import Argon2Settings
from api.errors import ApiError
from workspace.fair_share import TENANT


async def test_a_flood_from_one_address_keeps_nobody_else_waiting() -> None:
    """Regression: 32 waiting checks of one client, and all others got a 503."""
    passwords = Passwords(Argon2Settings(memory_mb=8, passes=1))
    ended: list[str] = []

    async def hash_for(address: str) -> None:
        TENANT.set(address)
        await passwords.hash("correct horse battery")
        ended.append(address)

    flood = [asyncio.create_task(hash_for("203.0.113.1")) for _ in range(AT_ONCE + MAX_WAITING + 20)]
    await asyncio.sleep(0)
    await asyncio.create_task(hash_for("198.51.100.7"))
    assert ended.index("198.51.100.7") <= 2 * AT_ONCE
    refused = [error for error in await asyncio.gather(*flood, return_exceptions=True) if error is not None]
    assert [(type(error), getattr(error, "status", None)) for error in refused] == [(ApiError, 503)] * 20


async def test_a_password_matches_its_hash_alone() -> None:
    passwords = Passwords(Argon2Settings(memory_mb=1, passes=1))
    stored = await passwords.hash("correct horse")
    assert await passwords.verify("correct horse", stored)
    assert not await passwords.verify("battery staple", stored)
    assert not await passwords.verify("correct horse", None)
