"""Long conversations, searches, and the database."""

import asyncio
import json
from functools import partial

from tests.abuse.enemy import CHAT, Enemy, messages


async def two_thousand_messages(enemy: Enemy) -> None:
    """Requests with 2,000 messages, each of which begins or continues a conversation."""
    said = messages(*(f"message {n}" for n in range(2001)))
    await enemy.many(20, lambda: enemy.post(CHAT, {"model": "chat", "messages": said}), 4)


async def ten_thousand_messages(enemy: Enemy) -> None:
    """Requests with 9,999 messages of 500 characters, changed at the beginning each time."""
    said = [dict(one) for one in messages(*("x" * 500 for _ in range(9999)))]

    async def one() -> None:
        said[0]["content"] += "x"
        await enemy.post(CHAT, {"model": "chat", "messages": said})

    await enemy.many(20, one, 4)


async def _history(enemy: Enemy, megabytes: int = 10) -> str:
    """A session with so much text."""
    said = messages(*(f"{n} " + "needle hay " * 80_000 for n in range(megabytes)), "end")
    session: str = (await enemy.post(CHAT, {"model": "chat", "messages": said})).get("x_session_id", "")
    return session


async def history_of_10_mb_in_a_loop(enemy: Enemy) -> None:
    """A history of 10 MB, read and exported in a loop."""
    session = await _history(enemy)
    paths = ("", "/messages", "/export?format=json", "/export?format=markdown", "/turns")
    for path in paths * 20:
        await enemy.many(4, partial(enemy.get, f"/api/conversations/{session}{path}"), 4)


async def turns_of_a_long_history(enemy: Enemy) -> None:
    """Turn after turn in a session with a history of 10 MB."""
    session = await _history(enemy)
    while session:
        await enemy.chat("hi", session_id=session)


async def searches(enemy: Enemy) -> None:
    """Searches in 10 MB for all kinds of words."""
    await _history(enemy)
    queries = (
        "needle",
        "n",
        '"' * 200,
        "* OR *",
        "a* b* c* d* e* f* g* h*",
        "%" * 200,
        "needle hay " * 18,
        "NEAR(a b, 9)",
    )
    for query in queries * 10:
        await enemy.many(4, partial(enemy.get, "/api/conversations", params={"q": query}), 4)


async def forks(enemy: Enemy) -> None:
    """A long conversation is edited again and again, which forks it each time, with its variables."""
    said = [dict(one) for one in messages(*(f"{n} " + "hay " * 20_000 for n in range(20)), "end")]
    session = (await enemy.post(CHAT, {"model": "chat", "messages": said})).get("x_session_id")
    await enemy.cell(
        "import os\nx = os.urandom(50_000_000)\nfor n in range(3000): open(f'f{n}', 'w').write('x')", session
    )

    async def edit(number: int) -> None:
        edited = [
            *said[:-1],
            {"role": "assistant", "content": "Hello, I am fine."},
            {"role": "user", "content": f"e{number}"},
        ]
        await enemy.post(CHAT, {"model": "chat", "messages": edited[-1:], "session_id": session})
        await enemy.post(
            CHAT, {"model": "chat", "messages": [*said, *edited[-2:-1], {"role": "user", "content": f"f{number}"}]}
        )

    for number in range(100):
        await asyncio.gather(*(edit(number * 4 + n) for n in range(4)))


async def deletions(enemy: Enemy) -> None:
    """Large conversations are created and deleted in a loop."""

    async def one() -> None:
        session = await _history(enemy, 2)
        await enemy.send("DELETE", f"/api/conversations/{session}")

    await enemy.many(50, one, 4)


async def named_sessions(enemy: Enemy) -> None:
    """Sessions by names of a client, which are all different, long and similar."""
    numbers = iter(range(10_000))

    async def one() -> None:
        await enemy.post(
            CHAT,
            {"model": "chat", "messages": [{"role": "user", "content": "hi"}]},
            headers={"X-Session-ID": "x" * 190 + str(next(numbers))},
        )

    await enemy.many(500, one, 4)


async def pages_of_lists(enemy: Enemy) -> None:
    """Lists with wrong, long and old cursors."""
    for cursor in ("x", "A" * 300, "e30=", "eyJhIjogMX0=", "9" * 300, "\x00", "-1"):
        for path in ("/api/conversations", "/api/files"):
            await enemy.get(path, params={"cursor": cursor, "limit": 100})


async def tool_results(enemy: Enemy) -> None:
    """Conversations with thousands of calls of tools and their results."""
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": "x" * 500})}}
        for n in range(100)
    ]
    turn = [
        {"role": "assistant", "content": None, "tool_calls": calls},
        *({"role": "tool", "tool_call_id": call["id"], "content": "x" * 500} for call in calls),
    ]
    said = [{"role": "user", "content": "hi"}, *turn * 20, {"role": "user", "content": "more"}]
    await enemy.many(20, lambda: enemy.post(CHAT, {"model": "chat", "messages": said}), 4)


async def texts_like_markup(enemy: Enemy) -> None:
    """Answers and messages full of beginnings of thoughts, tags, fences and calls."""
    for text in (
        "<think>",
        "```python\n",
        '<details type="reasoning">',
        "Action: x\nAction Input: ",
        "](http://a",
        "![x](",
        "[1]",
        "{{",
        "~~~",
    ):
        said = messages("hi", text * (900_000 // len(text)), "more")
        await enemy.post(CHAT, {"model": "chat", "messages": said})
        await enemy.post(CHAT, {"model": "react", "messages": [{"role": "user", "content": text * 20_000}]})
