"""Streams, event logs, resumption."""

import asyncio

from tests.abuse.enemy import CHAT, Enemy

LONG = {"model": "chat", "messages": [{"role": "user", "content": "say 200000"}]}


async def streams_that_are_not_read(enemy: Enemy) -> None:
    """Streams of 200 kB whose client reads nothing."""
    await enemy.many(50, lambda: enemy.stream(LONG), 50)


async def streams_read_slowly(enemy: Enemy) -> None:
    """Streams of which a byte a second is read."""
    await enemy.many(50, lambda: enemy.stream(LONG, bytes_per_second=1), 50)


async def resume_storm(enemy: Enemy) -> None:
    """The stream of one long run is resumed as often as possible, on connections that read nothing."""
    session = (await enemy.post(CHAT, LONG)).get("x_session_id")

    async def one() -> None:
        async with enemy.connection() as (_, writer):
            writer.write(enemy.head(f"/api/conversations/{session}/stream", 0, method="GET"))
            await writer.drain()
            await asyncio.sleep(60)

    await enemy.many(100, one, 100)


async def resumed_and_read(enemy: Enemy) -> None:
    """The stream of one long run is resumed and read in a loop."""
    session = (await enemy.post(CHAT, LONG)).get("x_session_id")
    await enemy.many(100, lambda: enemy.get(f"/api/conversations/{session}/stream"), 4)


async def wrong_positions(enemy: Enemy) -> None:
    """Streams resumed from positions that do not exist."""
    session = (await enemy.chat()).get("x_session_id")
    for event in ("9" * 5000, "-1", "chatcmpl:99999999999999999999", "\xff", ":" * 1000, "chatcmpl-x:" + "1" * 4000):
        await enemy.get(f"/api/conversations/{session}/stream", headers={"Last-Event-ID": event.encode("latin-1")})


async def event_logs(enemy: Enemy) -> None:
    """The event logs of a hundred runs with 100 kB of output each."""
    await enemy.many(100, lambda: enemy.chat("say 100000"), 4)


async def event_logs_of_cells(enemy: Enemy) -> None:
    """Agents whose programs print 1 MB."""
    code = "run for _ in range(100): print('x' * 10_000, flush=True)"
    await enemy.many(100, lambda: enemy.chat(code, model="react", stream=True), 4)


async def results_in_a_loop(enemy: Enemy) -> None:
    """The result of a run of 200 kB, asked for as often as possible."""
    session = (await enemy.post(CHAT, LONG)).get("x_session_id")
    await enemy.many(100, lambda: enemy.get(f"/api/conversations/{session}/run"), 8)


async def stored_responses(enemy: Enemy) -> None:
    """Stored responses of 200 kB with inputs of 1 MB, and their items in a loop."""
    made = await enemy.post("/v1/responses", {"model": "chat", "input": "say 200000"})
    await enemy.many(20, lambda: enemy.post("/v1/responses", {"model": "chat", "input": "x" * 900_000}), 4)
    await enemy.many(60, lambda: enemy.get(f"/v1/responses/{made.get('id')}"), 8)


async def responses_in_a_chain(enemy: Enemy) -> None:
    """Responses that all continue the same one, and thereby fork it."""
    made = await enemy.post("/v1/responses", {"model": "chat", "input": "x" * 500_000})
    body = {"model": "chat", "input": "hi", "previous_response_id": made.get("id")}
    await enemy.many(100, lambda: enemy.post("/v1/responses", body), 4)
