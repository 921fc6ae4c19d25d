"""Quotas: refused beyond the limit, in a way that clients understand, and always counted."""

import asyncio
from typing import Any

import httpx
import pytest

from api.accounts.quotas import Quotas
from api.accounts.settings import Quota
from checkpoints.store import open_store
from checkpoints.users import User
from llm.errors import ModelError
from tests.people import HI, LOGIN, Start, chat, person
from tests.serving import Service, until


def refused(answer: httpx.Response, kind: str, code: str) -> None:
    assert answer.status_code == 429, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == (kind, code)


async def used(client: httpx.AsyncClient) -> tuple[int, int, int]:
    """Runs, tokens read, tokens written today."""
    (day,) = (await client.get("/api/usage")).json()["days"]
    return day["runs"], day["tokens_in"], day["tokens_out"]


async def test_requests_per_minute(start: Start) -> None:
    async with start(**LOGIN, user_requests_per_minute=3) as service, person(service, "ann") as ann:
        asked = [await ann.http.get("/api/auth/me") for _ in range(4)]
        assert [answer.status_code for answer in asked[:3]] == [200] * 3
        refused(asked[3], "rate_limit_error", "rate_limit_exceeded")
        async with person(service, "bob", "guest") as bob:
            assert (await bob.http.get("/api/auth/me")).status_code == 200


async def test_a_bucket_fills_steadily_and_not_beyond_a_minute(tmp_path: Any) -> None:
    now = 0.0

    async def nothing(_user: User) -> int:
        return 0

    async with open_store(tmp_path / "a.sqlite") as store:
        quotas = Quotas(Quota(requests_per_minute=60), store.usage, nothing, lambda: now)
        ann = User("u_ann", "ann", "user")
        for wait in (0, 3600):
            now += wait
            for _ in range(60):
                quotas.request(ann)
            with pytest.raises(Exception, match="60 requests per minute"):
                quotas.request(ann)
        now += 1
        quotas.request(ann)


async def test_runs_at_once(start: Start, model: Any) -> None:
    model.replies, model.repeat, model.gate = ["hello"], True, asyncio.Semaphore(0)
    async with start(**LOGIN, user_concurrent_runs=2) as service, person(service, "ann") as ann:
        running = [asyncio.create_task(chat(ann)) for _ in range(2)]
        await until(lambda: len(model.asked) == 2)
        refused(await chat(ann), "rate_limit_error", "too_many_runs")
        for _ in range(20):
            model.gate.release()
        assert [answer.status_code for answer in await asyncio.gather(*running)] == [200, 200]
        model.gate = None
        assert (await chat(ann)).status_code == 200
        # Refused requests left no conversation behind.
        assert len((await ann.http.get("/api/conversations")).json()["sessions"]) == 3


async def test_tokens_per_day_are_counted_across_a_restart(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    settings = LOGIN | {"user_tokens_per_day": 20}
    async with start(**settings) as service, person(service, "ann") as ann:
        usage = (await chat(ann)).json()["usage"]
        assert usage["total_tokens"] >= 20
        assert await used(ann.http) == (1, usage["prompt_tokens"], usage["completion_tokens"])
    async with start(**settings) as service:
        answer = await service.http.post("/v1/chat/completions", json={"messages": HI}, headers=ann.headers)
        refused(answer, "insufficient_quota", "tokens_used_up")
        assert (await service.http.get("/api/conversations", headers=ann.headers)).status_code == 200


async def test_runs_that_fail_and_runs_that_are_left_count_too(start: Start, model: Any) -> None:
    """Tokens are charged even if the client leaves before the model reports its count."""
    model.replies = [ModelError("The model has run away."), "word " * 100]
    async with start(**LOGIN) as service, person(service, "ann") as ann:
        assert (await chat(ann)).status_code == 503
        runs, read, written = await used(ann.http)
        assert (runs, written) == (1, 0)
        assert read > 0
        model.gate = asyncio.Semaphore(12)
        body = {"messages": HI, "stream": True}
        async with ann.http.stream("POST", "/v1/chat/completions", json=body) as answer:
            pieces = answer.aiter_bytes()
            await anext(pieces)
            await until(model.gate.locked)
        await until(lambda: not service.server._locks._active)
        after = await used(ann.http)
        assert after[0] == 2
        assert after[1] > read
        assert after[2] >= 10


async def test_usage_of_runs_that_end_together_is_all_there(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    async with start(**LOGIN, user_concurrent_runs=0) as service, person(service, "ann") as ann:
        answers = await asyncio.gather(*(chat(ann) for _ in range(10)))
        total = sum(answer.json()["usage"]["total_tokens"] for answer in answers)
        runs, read, written = await used(ann.http)
        assert (runs, read + written) == (10, total)


async def test_disk(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    async with start(**LOGIN, user_disk_mb=1) as service, person(service, "ann") as ann:
        large = {"files": ("large.bin", b"x" * (2 << 20))}
        refused(await ann.http.post("/api/upload", files=large), "insufficient_quota", "disk_full")
        files = {"files": ("big.bin", b"x" * (1 << 20))}
        assert (await ann.http.post("/api/upload", files=files)).status_code == 201
        refused(await chat(ann), "insufficient_quota", "disk_full")
        refused(await ann.http.post("/api/upload", files=files), "insufficient_quota", "disk_full")
        assert (await ann.http.delete("/api/files/big.bin")).status_code == 200
        assert (await chat(ann)).status_code == 200


async def test_limits_of_ones_own_win(start: Start, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    settings = LOGIN | {"user_tokens_per_day": 1}
    async with start(**settings) as service, person(service, "boss") as boss, person(service, "ann") as ann:
        await chat(ann)
        assert (await chat(ann)).status_code == 429
        changed = await boss.http.patch("/api/admin/users/ann", json={"limits": {"tokens_per_day": 0}})
        assert changed.json()["own_limits"]["tokens_per_day"] == 0
        assert (await chat(ann)).status_code == 200
        back = await boss.http.patch("/api/admin/users/ann", json={"limits": {"tokens_per_day": None}})
        assert back.json()["limits"]["tokens_per_day"] == 1
        assert (await chat(ann)).status_code == 429


async def test_the_owner_of_the_machine_has_no_limits(service: Service, model: Any) -> None:
    model.replies, model.repeat = ["hello"], True
    for _ in range(130):
        assert (await service.http.get("/api/auth/me")).status_code == 200
    assert set((await service.http.get("/api/usage")).json()["limits"].values()) == {0}
