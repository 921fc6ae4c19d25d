"""Stored responses: their final state, also if their process died, and continuing from them."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx

from llm.scripted import ScriptedChat
from tests.api.client import rows
from tests.people import LOGIN, person
from tests.serving import Service, running, until

AS_AFTER_A_CRASH = "UPDATE responses SET checkpoint = NULL, body = json_set(body, '$.status', 'in_progress')"
Start = Callable[..., AbstractAsyncContextManager[Service]]


async def post(service: Service, status: int = 200, policy: str = "reject", **body: Any) -> dict[str, Any]:
    headers = {"X-Run-Policy": policy}
    answer = await service.http.post("/v1/responses", json={"model": "chat", "input": "hi", **body}, headers=headers)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def kept(service: Service, response: str) -> dict[str, Any]:
    answer = await service.http.get(f"/v1/responses/{response}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def under_way(service: Service, model: ScriptedChat, **body: Any) -> dict[str, Any]:
    """A response in the background that waits at a gate."""
    model.gate, asked = asyncio.Semaphore(0), len(model.asked)
    begun = await post(service, background=True, **body)
    await until(lambda: len(model.asked) > asked)
    return begun


def let_go(model: ScriptedChat) -> None:
    gate, model.gate = model.gate, None
    assert gate is not None
    for _ in range(1000):
        gate.release()


async def ended(service: Service, response: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while (told := await kept(service, response))["status"] == "in_progress":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return told


async def test_a_response_whose_process_died_has_failed(start: Start, model: ScriptedChat) -> None:
    """Regression: it stayed in progress forever."""
    model.replies = ["word " * 50]
    async with start() as one, running(one.settings, model) as other:
        begun = await under_way(one, model)
        assert (await kept(other, begun["id"]))["status"] == "in_progress"
        let_go(model)
        await ended(other, begun["id"])
        await asyncio.to_thread(rows, one, f"{AS_AFTER_A_CRASH} WHERE id = ?", begun["id"])
        for service in (one, other):
            told = await kept(service, begun["id"])
            assert (told["status"], told["error"]["code"]) == ("failed", "server_error")
        cancelled = (await other.http.post(f"/v1/responses/{begun['id']}/cancel")).json()
        assert cancelled["status"] == "failed"
        refused = await post(other, 400, previous_response_id=begun["id"])
        assert refused["error"]["code"] == "response_not_complete"


async def test_cancelling_a_response_ends_no_other_one(start: Start, model: ScriptedChat) -> None:
    """Regression: any run in its conversation was stopped."""
    model.replies = ["one", "two " * 50]
    async with start() as one, running(one.settings, model) as other:
        first = await post(one)
        second = await under_way(one, model, previous_response_id=first["id"])
        await asyncio.to_thread(rows, one, f"{AS_AFTER_A_CRASH} WHERE id = ?", first["id"])
        for service in (one, other):
            told = (await service.http.post(f"/v1/responses/{first['id']}/cancel")).json()
            assert told["status"] == "failed"
        assert (await kept(other, second["id"]))["status"] == "in_progress"
        let_go(model)
        assert (await ended(other, second["id"]))["status"] == "completed"


async def test_a_response_is_cancelled_from_another_process(start: Start, model: ScriptedChat) -> None:
    model.replies = ["word " * 50]
    async with start() as one, running(one.settings, model) as other:
        begun = await under_way(one, model)
        told: httpx.Response = await other.http.post(f"/v1/responses/{begun['id']}/cancel")
        assert (told.json()["status"], told.json()["error"]) == ("cancelled", None)
        assert model.finished == 0


async def test_the_end_of_the_service_is_told_as_the_reason(start: Start, model: ScriptedChat) -> None:
    """It was reported as cancelled, which nobody had done."""
    model.replies = ["word " * 50]
    async with start() as service:
        begun = await under_way(service, model)
    async with start() as service:
        told = await kept(service, begun["id"])
        assert (told["status"], told["error"]["code"]) == ("failed", "shutting_down")


async def test_a_response_that_was_interrupted_says_so(service: Service, model: ScriptedChat) -> None:
    model.replies = ["word " * 50, "instead"]
    begun = await under_way(service, model)
    interrupting = asyncio.create_task(
        post(service, policy="interrupt", conversation=begun["conversation"]["id"], input="more")
    )
    await until(lambda: len(model.asked) == 2)
    let_go(model)
    assert (await interrupting)["status"] == "completed"
    told = await kept(service, begun["id"])
    assert (told["status"], told["error"]["code"]) == ("failed", "run_interrupted")


async def test_only_what_is_kept_can_be_gone_on_from(start: Start, model: ScriptedChat) -> None:
    """The same error as OpenAI's for responses that are not stored, deleted, or another user's."""
    model.replies, model.repeat = ["Hello."], True
    async with start(**LOGIN) as service, person(service, "ann") as ann, person(service, "bob") as bob:
        not_kept, deleted, others = [
            (await who.http.post("/v1/responses", json={"input": "hi", "model": "chat", "store": store})).json()["id"]
            for who, store in ((ann, False), (ann, True), (bob, True))
        ]
        assert (await ann.http.delete(f"/v1/responses/{deleted}")).status_code == 200
        for previous in (not_kept, deleted, others):
            body = {"input": "more", "previous_response_id": previous}
            answer = await ann.http.post("/v1/responses", json=body)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (400, "previous_response_not_found")
            assert error["param"] == "previous_response_id"


async def test_a_response_under_way_is_waited_for_by_its_followers(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one", "two"]
    begun = await under_way(service, model)
    answer = await service.http.post("/v1/responses", json={"input": "b", "previous_response_id": begun["id"]})
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")
    assert answer.json()["error"]["code"] == "response_in_progress"
    let_go(model)
    await ended(service, begun["id"])
    assert (await post(service, previous_response_id=begun["id"]))["status"] == "completed"


async def test_a_kept_response_is_not_streamed(service: Service, model: ScriptedChat) -> None:
    model.replies = ["one"]
    made = await post(service)
    answer = await service.http.get(f"/v1/responses/{made['id']}", params={"stream": "true"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "stream")
