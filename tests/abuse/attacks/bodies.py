"""Bodies that are large, slow, deep or strange."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

from tests.abuse.enemy import CHAT, Enemy

COMBINING = "e" + "\u0301" * 900_000
RIGHT_TO_LEFT = "\u202e\u2066\u200f" * 100_000


async def slow_bodies(enemy: Enemy) -> None:
    """Three hundred bodies that arrive byte by byte."""

    async def one() -> None:
        with suppress(OSError):
            async with enemy.connection() as (_, writer):
                writer.write(enemy.head(CHAT, 10_000))
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.2)

    await enemy.many(300, one, 300)


async def bodies_of_90_mb(enemy: Enemy) -> None:
    """Bodies over the limit, with and without a length."""
    block = bytes(1 << 20)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(90):
            yield block

    await enemy.many(8, lambda: enemy.raw_body(CHAT, chunks()), 4)
    await enemy.many(4, lambda: enemy.raw_body(CHAT, block * 90), 2)


async def bodies_of_78_mb(enemy: Enemy) -> None:
    """Bodies just below the limit, of one text."""
    body = b'{"messages": [{"role": "user", "content": "' + b"x" * (78 << 20) + b'"}]}'
    await enemy.many(8, lambda: enemy.raw_body(CHAT, body), 4)


async def bodies_without_a_login(enemy: Enemy) -> None:
    """Large bodies with a wrong token."""
    body = b"x" * (40 << 20)

    async def one() -> None:
        await enemy.send("POST", CHAT, content=body, headers={"Authorization": "Bearer no", "Content-Type": "a/b"})

    await enemy.many(20, one, 8)


async def body_of_three_million_keys(enemy: Enemy) -> None:
    """A JSON body of 38 MB with three million keys."""
    body = await asyncio.to_thread(lambda: json.dumps({str(n): 0 for n in range(3_000_000)}).encode())
    await enemy.many(6, lambda: enemy.raw_body(CHAT, body), 3)


async def keys_of_bodies_below_the_limit(enemy: Enemy) -> None:
    """JSON bodies with 190,000 keys, which is allowed, and a metadata field of them."""
    fields = {f"key{n}": n for n in range(190_000)}
    body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "model": "chat", "metadata": fields}).encode()
    await enemy.many(40, lambda: enemy.raw_body(CHAT, body), 4)


async def deep_bodies(enemy: Enemy) -> None:
    """Bodies of five million lists, and of a hundred thousand, which is allowed."""
    for depth in (5_000_000, 99_000):
        for path in (CHAT, "/v1/responses", "/api/auth/login", "/v1/completions"):
            await enemy.raw_body(path, b'{"messages": ' + b"[" * depth + b"]" * depth + b"}")


async def numbers(enemy: Enemy) -> None:
    """Numbers of millions of digits, NaN and infinity, in every field."""
    digits = "9" * 1_500_000
    for text in (digits, "1e999999999", "NaN", "-Infinity", "0." + digits):
        for name in ("max_tokens", "temperature", "seed", "n"):
            body = f'{{"model": "chat", "messages": [{{"role": "user", "content": "hi"}}], "{name}": {text}}}'
            await enemy.raw_body(CHAT, body.encode())


async def combining_characters(enemy: Enemy) -> None:
    """Messages of a million combining characters, and of marks that change the direction."""
    for text in (COMBINING, RIGHT_TO_LEFT, "\u0000" * 500_000, "\ufdfa" * 300_000, "ß" * 900_000):
        await enemy.chat(text)
        await enemy.get("/api/conversations", params={"q": text[:150]})


async def ten_megabytes_of_combining_characters(enemy: Enemy) -> None:
    """Ten messages of a million combining characters each, at once."""
    parts = [{"type": "text", "text": COMBINING} for _ in range(10)]
    await enemy.many(12, lambda: enemy.chat(parts), 4)


async def lone_surrogates(enemy: Enemy) -> None:
    """Halves of surrogate pairs in messages, names, titles, session IDs and metadata."""
    half = '"\\ud83d"'
    for body in (
        f'{{"messages": [{{"role": "user", "content": {half}}}]}}',
        f'{{"messages": [{{"role": "user", "content": "hi"}}], "model": "chat", "metadata": {{{half}: {half}}}}}',
        f'{{"messages": [{{"role": "user", "content": "hi"}}], "session_id": {half}}}',
        f'{{"messages": [{{"role": "user", "content": "hi", "name": {half}}}], "model": {half}}}',
        f'{{"input": {half}}}',
        f'{{"username": {half}, "password": {half}}}',
    ):
        for path in (CHAT, "/v1/responses", "/v1/embeddings", "/api/auth/register", "/api/auth/keys"):
            await enemy.raw_body(path, body.encode())


async def strange_headers(enemy: Enemy) -> None:
    """Session IDs, policies, languages and tokens of strange bytes."""
    for value in ("\xff" * 200, "a" * 60_000, "\x01\x02", "%00", "../../etc", "' OR 1=1 --", "\t" * 500):
        lines = [f"{name}: {value}" for name in ("X-Session-ID", "X-Run-Policy", "Accept-Language", "X-Request-ID")]
        body = b'{"model": "chat", "messages": [{"role": "user", "content": "hi"}]}'
        await enemy.exchange(enemy.head(CHAT, len(body), lines[0]) + body)
        await enemy.exchange(enemy.head(CHAT, len(body), *lines[1:]) + body)


async def large_forms(enemy: Enemy) -> None:
    """Forms with hundreds of thousands of parts, endless part headers and no end."""
    line = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nx\r\n'
    bombs = (
        line * 200_000,
        b'--b\r\nContent-Disposition: form-data; name="' + b"x" * 5_000_000,
        b"--b\r\n" + b"A: b\r\n" * 1_000_000,
        b"--b" * 5_000_000,
        b"\r\n-" * 5_000_000,
    )
    for bomb in bombs:
        for path in (CHAT, "/api/upload"):
            await enemy.raw_body(path, bomb, "multipart/form-data; boundary=b")


async def long_boundary(enemy: Enemy) -> None:
    """A form whose boundary is 50 kB long and almost occurs everywhere."""
    boundary = "a" * 50_000
    await enemy.raw_body(
        "/api/upload", ("\r\n--" + boundary[:-1]).encode() * 400, f"multipart/form-data; boundary={boundary}"
    )


async def urlencoded_fields(enemy: Enemy) -> None:
    """Encoded forms with a million fields."""
    for path in (CHAT, "/api/auth/login"):
        await enemy.many(6, partial(enemy.raw_body, path, b"a=b&" * 450_000, "application/x-www-form-urlencoded"), 3)


async def large_texts_of_small_routes(enemy: Enemy) -> None:
    """Bodies of 2 MB for titles, names of keys, passwords and tools."""
    text = "x" * 1_900_000
    session = (await enemy.chat()).get("x_session_id")
    await enemy.send("PATCH", f"/api/conversations/{session}", json={"title": text})
    await enemy.post("/api/auth/keys", {"name": text})
    await enemy.post("/api/auth/password", {"old_password": text, "new_password": text})
    for name in ("python_coder", "read_page", "rag_retriever", "file_analyzer"):
        await enemy.post(f"/api/tools/{name}", {"input": {"code": text, "url": text, "query": text, "filename": text}})


async def nested_small_bodies(enemy: Enemy) -> None:
    """Bodies of 2 MB with a million values or lists for routes that take small ones."""
    bombs = (b"[" * 1_900_000, b"[" + b"0," * 900_000 + b"0]", b'{"input": {"code": ' + b"[0," * 400_000)
    for bomb in bombs:
        for path in ("/api/auth/login", "/api/auth/keys", "/api/tools/python_coder", "/v1/embeddings"):
            await enemy.raw_body(path, bomb)


async def many_messages_of_pictures(enemy: Enemy) -> None:
    """Requests with fifty pictures of 1 MB as data URLs."""
    url = "data:image/png;base64," + "iVBORw0KGgo" + "A" * 1_300_000
    parts = [{"type": "image_url", "image_url": {"url": url}} for _ in range(50)]
    await enemy.many(6, lambda: enemy.chat(parts), 2)
