"""`plan_execute` through HTTP, on real kernels, with a scripted model."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from llm.scripted import ScriptedChat
from tests.serving import Service, python_step

Reply = Callable[[list[BaseMessage]], str]


def answering(rules: dict[str, str]) -> Reply:
    """A model that replies by what stands in the prompt: steps that run side by side ask in no fixed order."""

    def reply(messages: list[BaseMessage]) -> str:
        asked = "\n".join(message.text for message in messages)
        for mark, text in rules.items():
            if mark in asked:
                return text
        raise AssertionError(f"nothing to say to: {asked}")

    return reply


async def plan(service: Service, question: str, **extra: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": question}], "agent_type": "plan_execute", **extra}
    answer = await service.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


THREE = "1. Work out alpha [python_coder]\n2. Work out beta [python_coder]\n3. Add both [python_coder] (needs 1, 2)"
RULES = {
    "You divide a question": THREE,
    "Output:\n12": "Final Answer: alpha is 12",
    "Output:\n30": "Final Answer: beta is 30",
    "Output:\n42": "Final Answer: both are 42",
    "Question: Add both": python_step("print(alpha + beta)"),
    "Question: Work out alpha": python_step("alpha = 12\nprint(alpha)"),
    "Question: Work out beta": python_step("beta = 30\nprint(beta)"),
    "You get a question and the results": "Alpha is 12, beta 30, together 42.",
}


async def test_steps_are_worked_out_and_put_together(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = [answering(RULES)], True
    body = await plan(service, "What are alpha, beta and both together?")
    assert body["choices"][0]["message"]["content"] == "Alpha is 12, beta 30, together 42."
    told = body["x_agent_metadata"]
    assert told["agent_type"] == "plan_execute"
    assert [(s["goal"], s["status"], s["result"]) for s in told["plan"]] == [
        ("Work out alpha", "done", "alpha is 12"),
        ("Work out beta", "done", "beta is 30"),
        ("Add both", "done", "both are 42"),
    ]
    assert [step["index"] for step in told["steps"]] == [1, 2, 3]
    assert {step["observation"] for step in told["steps"]} == {"12", "30", "42"}
    adding = next(str(m[1].content) for m in model.asked if "Question: Add both" in str(m[1].content))
    assert "Work out alpha: alpha is 12" in adding


TWO = RULES | {"You divide a question": "1. Work out alpha [python_coder]\n2. Work out beta [python_coder]"}


@pytest.mark.parametrize(
    ("said", "owed"),
    [
        ("Alpha is 12 and beta is 30.", ""),
        ("Beta is 30.", "\n- Work out alpha: alpha is 12"),
        ("Alpha is 12, beta is 31.", "\n- Work out alpha: alpha is 12\n- Work out beta: beta is 30"),
    ],
)
async def test_results_that_the_answer_lacks_are_added(
    service: Service, model: ScriptedChat, said: str, owed: str
) -> None:
    model.replies, model.repeat = [answering(TWO | {"You get a question and the results": said})], True
    body = await plan(service, "What are alpha and beta?")
    assert body["choices"][0]["message"]["content"] == said + (f"\n\nThe steps gave:{owed}" if owed else "")


@pytest.mark.parametrize(
    ("said", "owed"),
    [
        ("Together they are 42.", ""),  # alpha and beta went into the sum
        ("Beta is 30.", "\n- Add both: both are 42"),
    ],
)
async def test_a_result_that_went_into_another_is_not_owed(
    service: Service, model: ScriptedChat, said: str, owed: str
) -> None:
    adding = {"Question: Add both": python_step("print(12 + 30)"), "You get a question and the results": said}
    model.replies, model.repeat = [answering(RULES | adding)], True
    body = await plan(service, "What are alpha and beta together?")
    assert body["choices"][0]["message"]["content"] == said + (f"\n\nThe steps gave:{owed}" if owed else "")


async def test_a_result_that_was_needed_in_name_alone_is_owed(service: Service, model: ScriptedChat) -> None:
    third = {"Question: Add both": python_step("print(42)"), "You get a question and the results": "It is 42."}
    model.replies, model.repeat = [answering(RULES | third)], True
    body = await plan(service, "What are alpha, beta and gamma?")
    owed = "\n\nThe steps gave:\n- Work out alpha: alpha is 12\n- Work out beta: beta is 30"
    assert body["choices"][0]["message"]["content"] == f"It is 42.{owed}"


async def test_a_step_is_told_what_the_question_quotes(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = [answering(TWO)], True
    await plan(service, 'What are "silver swans", alpha and beta, "silver swans" and "Work out beta [python_coder]"?')
    writing = [str(m[1].content) for m in model.asked if "Question: Work out" in str(m[1].content)]
    assert len(writing) >= 2
    assert all(text.count('"silver swans"') == 1 for text in writing)


async def test_the_answers_of_steps_are_thoughts_and_the_plan_streams(service: Service, model: ScriptedChat) -> None:
    model.replies, model.repeat = [answering(RULES)], True
    body = {"messages": [{"role": "user", "content": "?"}], "agent_type": "plan_execute", "stream": True}
    answer = await service.http.post("/v1/chat/completions", json=body)
    chunks = [json.loads(f.removeprefix("data: ")) for f in answer.text.split("\n") if f.startswith("data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content", "") for delta in deltas) == "Alpha is 12, beta 30, together 42."
    assert "alpha is 12" in "".join(delta.get("reasoning_content", "") for delta in deltas)
    states = [[s["status"] for s in chunk["x_agent_plan"]] for chunk in chunks if "x_agent_plan" in chunk]
    assert states[0] == ["pending"] * 3
    assert ["running", "running", "pending"] in states
    assert states[-1] == ["done"] * 3


async def test_a_plan_of_one_step_is_react(service: Service, model: ScriptedChat) -> None:
    model.replies = ["1. Compute 6 * 7 [python_coder]", python_step("print(6 * 7)"), "Final Answer: It is 42."]
    body = await plan(service, "6 * 7?")
    assert body["choices"][0]["message"]["content"] == "It is 42."
    assert body["x_agent_metadata"]["llm_calls"] == 3


async def test_no_plan_is_react(service: Service, model: ScriptedChat) -> None:
    model.replies = ["I cannot divide that.", "Final Answer: yes"]
    assert (await plan(service, "Is it?"))["choices"][0]["message"]["content"] == "yes"


async def test_a_failed_step_is_planned_anew_and_what_is_done_stays(service: Service, model: ScriptedChat) -> None:
    rules = {
        "You divide a question": "1. Work out alpha [python_coder]\n2. Work out gamma [python_coder]",
        "a step failed": "1. Work out delta instead [python_coder]",
        "Output:\n12": "Final Answer: alpha is 12",
        "Output:\n7": "Final Answer: delta is 7",
        "Question: Work out alpha": python_step("print(12)"),
        "Question: Work out delta": python_step("print(7)"),
        "gamma": python_step("raise RuntimeError('no gamma')"),
        "You get a question and the results": "Alpha 12, and delta 7 in place of gamma.",
    }
    order = ["a step failed", "You get a question and the results"]
    model.replies = [answering({key: rules[key] for key in [*order, *rules] if key in rules})]
    model.repeat = True
    body = await plan(service, "alpha and gamma?")
    told = body["x_agent_metadata"]
    assert [(s["goal"], s["status"]) for s in told["plan"]] == [
        ("Work out alpha", "done"),
        ("Work out gamma", "dropped"),
        ("Work out delta instead", "done"),
    ]
    assert "no gamma" in told["plan"][1]["error"]
    assert body["choices"][0]["message"]["content"].startswith("Alpha 12")
    assert sum("a step failed" in m[0].text for m in model.asked) == 1


async def test_replanning_has_an_end(service: Service, model: ScriptedChat) -> None:
    rules = {
        "You get a question and the results": "Nothing could be worked out.",
        "You divide a question": "1. gamma one\n2. gamma two",
        "a step failed": "1. gamma again",
        "gamma": python_step("raise RuntimeError('no gamma')"),
    }
    model.replies, model.repeat = [answering(rules)], True
    body = await plan(service, "gamma?")
    assert body["choices"][0]["message"]["content"] == "Nothing could be worked out."
    assert sum("a step failed" in m[0].text for m in model.asked) == 2
    assert {s["status"] for s in body["x_agent_metadata"]["plan"]} <= {"dropped", "failed"}


async def test_independent_steps_run_side_by_side(service: Service, model: ScriptedChat) -> None:
    """Each step's program waits for the other's file: one after the other would never end."""

    def waits(mine: str, other: str) -> str:
        return python_step(f"open('{mine}', 'w').close(); print('{mine}')")

    asked_together: list[str] = []

    def reply(messages: list[BaseMessage]) -> str:
        text = "\n".join(message.text for message in messages)
        asked_together.append(text)
        rules = {
            "You divide a question": "1. Make one [python_coder]\n2. Make two [python_coder]",
            "Output:\none": "Final Answer: one",
            "Output:\ntwo": "Final Answer: two",
            "Question: Make one": waits("one", "two"),
            "Question: Make two": waits("two", "one"),
            "You get a question and the results": "Both.",
        }
        return answering(rules)(messages)

    model.replies, model.repeat = [reply], True
    await plan(service, "one and two?")
    writing = [n for n, text in enumerate(asked_together) if "Question: Make" in text and "Output:" not in text]
    assert writing[1] == writing[0] + 1, "the second step is asked before the first has run"
