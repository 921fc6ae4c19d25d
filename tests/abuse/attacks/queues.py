"""Requests that fill queues, threads, workers and quotas."""

import asyncio

from tests.abuse.enemy import CHAT, Enemy

HI = [{"role": "user", "content": "hi"}]


async def two_hundred_requests_at_once(enemy: Enemy) -> None:
    """Two hundred chats at once."""
    await enemy.many(200, enemy.chat, 200)


async def two_hundred_cells_at_once(enemy: Enemy) -> None:
    """Two hundred cells at once, each in a session of its own."""
    await enemy.many(200, lambda: enemy.cell("import time; time.sleep(3)"), 200)


async def cells_of_one_session(enemy: Enemy) -> None:
    """A hundred cells of the same session that wait for each other."""
    session = await enemy.cell("print(1)")

    async def one() -> None:
        body = {"session_id": session, "input": {"code": "import time; time.sleep(1)"}}
        await enemy.post("/api/tools/python_coder", body, headers={"X-Run-Policy": "enqueue"})

    await enemy.many(100, one, 100)


async def interrupted_cells(enemy: Enemy) -> None:
    """Cells of the same session, each of which interrupts the one before it."""
    session = await enemy.cell("print(1)")

    async def one() -> None:
        body = {"session_id": session, "input": {"code": "while True: pass"}}
        await enemy.post("/api/tools/python_coder", body, headers={"X-Run-Policy": "interrupt"})

    await enemy.many(100, one, 20)


async def thousand_sessions(enemy: Enemy) -> None:
    """As many sessions as possible."""
    while True:
        await enemy.many(100, enemy.chat, 4)
        await asyncio.sleep(0.1)


async def agents_that_compute(enemy: Enemy) -> None:
    """Turns of an agent whose programs never end."""
    await enemy.many(100, lambda: enemy.chat("run while True: pass", model="react"), 4)


async def cancel_storm(enemy: Enemy) -> None:
    """Slow turns, cancelled as soon as they run."""
    session = (await enemy.chat())["x_session_id"]

    async def one() -> None:
        asking = asyncio.ensure_future(enemy.chat("slow 2000", session_id=session))
        await asyncio.sleep(0.02)
        await enemy.post(f"/api/conversations/{session}/cancel")
        await asking

    await enemy.many(1000, one, 2)


async def clients_that_leave(enemy: Enemy) -> None:
    """Streams whose client leaves after the first bytes."""

    async def one() -> None:
        body = {"model": "chat", "messages": [{"role": "user", "content": "slow 2000"}]}
        await enemy.stream(body, seconds=0.1)

    await enemy.many(1000, one, 4)


async def background_runs(enemy: Enemy) -> None:
    """Runs that go on without a client."""
    await enemy.many(200, lambda: enemy.chat("slow 2000", background=True), 20)


async def embeddings(enemy: Enemy) -> None:
    """Vectors of 2,048 texts with a million characters in all, four at a time."""
    texts = [("word " * 97)[:480] for _ in range(2048)]
    await enemy.many(100, lambda: enemy.post("/v1/embeddings", {"input": texts}), 4)


async def embeddings_of_one_text(enemy: Enemy) -> None:
    """The vector of one text of a million characters without a space."""
    await enemy.many(100, lambda: enemy.post("/v1/embeddings", {"input": "x" * 1_000_000}), 4)


async def long_answers(enemy: Enemy) -> None:
    """Answers of 400 kB."""
    await enemy.many(20, lambda: enemy.chat("say 400000", max_tokens=10**9), 4)


async def text_completions(enemy: Enemy) -> None:
    """Sixteen choices for prompts of a million characters."""
    body = {"prompt": "x" * 1_000_000, "n": 16, "max_tokens": 1000, "echo": True}
    await enemy.many(20, lambda: enemy.post("/v1/completions", body), 4)


async def slow_writes(enemy: Enemy) -> None:
    """Turns in four sessions as fast as possible, each with a history of its own that grows by 1 MB."""
    text = "x" * 900_000

    async def one() -> None:
        session = (await enemy.chat()).get("x_session_id")
        while session:
            await enemy.post(CHAT, {"model": "chat", "session_id": session, "messages": [HI[0] | {"content": text}]})
            await asyncio.sleep(0.05)

    await enemy.many(4, one, 4)


async def document_searches(enemy: Enemy) -> None:
    """Documents of two million words are indexed and searched at once."""
    words = " ".join(f"word{n % 5000}" for n in range(400_000)).encode()
    await enemy.upload(*((f"doc{n}.txt", words + str(n).encode()) for n in range(5)))
    await enemy.many(100, lambda: enemy.tool("rag_retriever", query="word " * 400), 4)
