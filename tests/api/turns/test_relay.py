"""Events on their way to clients: thoughts in an order that can be read, and plans that end with their run."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from api.turns.relay import ThoughtOrder
from llm.errors import ModelError
from llm.scripted import ScriptedChat
from nodes.events import AnswerDelta, Event, PlanStepEnded, StepsOrdered, ThoughtDelta
from tests.serving import Service

pytestmark = pytest.mark.one_service


def ordered(*events: Event) -> str:
    order = ThoughtOrder()
    told = [one for event in events for one in order.ordered(event)]
    return "".join(event.text for event in told if isinstance(event, (ThoughtDelta, AnswerDelta)))


def test_thoughts_of_parallel_steps_come_one_step_after_the_other() -> None:
    one, two, three = ([ThoughtDelta(f"{step}{letter}", step) for letter in "abc"] for step in (1, 2, 3))
    ended = [PlanStepEnded(step) for step in (1, 2, 3)]
    assert ordered(
        one[0], two[0], one[1], three[0], two[1], one[2], ended[0], three[1], ended[2], two[2], ended[1]
    ) == ("1a1b1c2a2b2c3a3b")
    assert ordered(one[0], two[0], two[1], ended[1], one[1], ended[0], StepsOrdered([]), three[0]) == "1a1b2a2b3a"
    assert ordered(ThoughtDelta("x"), one[0], ThoughtDelta("y"), AnswerDelta("z")) == "x1ayz"


PLAN = "1. Work out alpha [python_coder]\n2. Work out beta [python_coder]\n3. Add both [python_coder] (needs 1, 2)"
ASK = {"model": "plan_execute", "stream": True, "messages": [{"role": "user", "content": "alpha, beta, both?"}]}


def frames(lines: Iterable[str]) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]


def statuses(chunks: list[dict[str, Any]]) -> list[list[str]]:
    return [[step["status"] for step in chunk["x_agent_plan"]] for chunk in chunks if "x_agent_plan" in chunk]


async def test_an_error_cancels_the_plan_s_open_steps(service: Service, model: ScriptedChat) -> None:
    model.replies = [PLAN, ModelError("The server is gone."), ModelError("The server is gone.")]
    answer = await service.http.post("/v1/chat/completions", json=ASK)
    chunks = frames(answer.text.splitlines())
    assert statuses(chunks)[-1] == ["cancelled"] * 3
    assert "error" in chunks[-1]


async def test_cancelling_a_run_cancels_the_plan_s_open_steps(service: Service, model: ScriptedChat) -> None:
    def stall(_: object) -> str:
        model.gate = asyncio.Semaphore(0)
        return "word " * 100

    model.replies, model.repeat = [PLAN, stall], True
    async with service.http.stream("POST", "/v1/chat/completions", json=ASK) as answer:
        lines: AsyncIterator[str] = answer.aiter_lines()
        session = answer.headers["x-session-id"]
        async for line in lines:
            if "running" in line:
                break
        cancelled = await service.http.post(f"/api/conversations/{session}/cancel")
        assert cancelled.status_code == 200, cancelled.text
        rest = [line async for line in lines]
    assert statuses(frames(rest))[-1] == ["cancelled"] * 3
