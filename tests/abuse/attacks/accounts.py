"""Accounts, logins and keys."""

import asyncio
import base64
import json

from tests.abuse.enemy import Enemy


async def two_hundred_accounts(enemy: Enemy) -> None:
    """Two hundred registrations at once."""
    numbers = iter(range(10_000))

    async def one() -> None:
        body = {
            "username": f"{enemy.token[-8:].replace('-', 'x').replace('_', 'y')}{next(numbers)}",
            "password": "p" * 40,
        }
        await enemy.post("/api/auth/register", body)

    await enemy.many(200, one, 200)


async def login_flood(enemy: Enemy) -> None:
    """Two hundred logins at once, with unknown names and long passwords: 64 MB each."""
    numbers = iter(range(10_000))

    async def one() -> None:
        await enemy.post("/api/auth/login", {"username": f"nobody{next(numbers)}", "password": "p" * 900})

    await enemy.many(200, one, 200)


async def password_changes(enemy: Enemy) -> None:
    """Changes of the password with a wrong old one."""
    body = {"old_password": "wrong password", "new_password": "another password"}
    await enemy.many(100, lambda: enemy.post("/api/auth/password", body), 50)


async def key_flood(enemy: Enemy) -> None:
    """Keys beyond their number, and their deletion."""
    for number in range(150):
        made = await enemy.post("/api/auth/keys", {"name": f"key {number}"})
        if number % 3 == 0 and "id" in made:
            await enemy.send("DELETE", f"/api/auth/keys/{made['id']}")


async def wrong_tokens(enemy: Enemy) -> None:
    """Tokens and keys that are wrong, long, old, of other algorithms."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    bodies: tuple[dict[str, object], ...] = (
        {"alg": "none"},
        {"alg": "HS256", "kid": "../../etc/passwd"},
        {"alg": "RS256", "kid": "x" * 30_000},
        {"alg": {}},
    )
    tokens = [f"{part(body)}.{part({'sub': 'boss', 'exp': 10**18})}.x" for body in bodies]
    for token in (*tokens, "x" * 50_000, "." * 50_000, "sk-" + "x" * 1000, "\xff" * 100):
        for _ in range(30):
            await enemy.send("GET", "/api/auth/me", headers={"Authorization": f"Bearer {token}".encode("latin-1")})


async def reads_in_a_loop(enemy: Enemy) -> None:
    """Thousands of reads: users, usage, models, tools, files, conversations."""
    paths = ("/api/auth/me", "/api/usage?days=366", "/v1/models", "/api/tools", "/api/files", "/api/conversations")

    async def one() -> None:
        for path in paths:
            await enemy.get(path)

    await enemy.many(2000, one, 20)


async def keys_that_read(enemy: Enemy) -> None:
    """Requests with many different keys of the same user."""
    keys = [(await enemy.post("/api/auth/keys", {"name": str(n)})).get("key", "") for n in range(20)]

    async def one(key: str) -> None:
        for _ in range(100):
            await enemy.send("GET", "/api/conversations", headers={"Authorization": f"Bearer {key}"})

    await asyncio.gather(*map(one, keys))
