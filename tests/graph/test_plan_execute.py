"""`plan_execute` on real kernels, with a scripted model."""

from collections.abc import Callable

import pytest
from langchain_core.messages import BaseMessage

from llm.scripted import ScriptedChat
from nodes.events import PlanChanged
from nodes.settings import AgentSettings
from nodes.state import Budget, Limits
from tests.agent import Agent
from tests.serving import python_step

Reply = Callable[[list[BaseMessage]], str]


def answering(rules: dict[str, str]) -> Reply:
    """A model whose replies depend on the prompt, because parallel steps ask in no fixed order."""

    def reply(messages: list[BaseMessage]) -> str:
        asked = "\n".join(message.text for message in messages)
        for mark, text in rules.items():
            if mark in asked:
                return text
        raise AssertionError(f"nothing to say to: {asked}")

    return reply


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


async def test_steps_are_worked_out_and_put_together(agent: Agent, model: ScriptedChat) -> None:
    model.replies, model.repeat = [answering(RULES)], True
    turn = await agent.ask("What are alpha, beta and both together?", "plan_execute")
    assert turn.text == "Alpha is 12, beta 30, together 42."
    assert turn.route.mode == "plan_execute"
    assert [(s["goal"], s["status"], s["result"]) for s in turn.plan] == [
        ("Work out alpha", "done", "alpha is 12"),
        ("Work out beta", "done", "beta is 30"),
        ("Add both", "done", "both are 42"),
    ]
    assert [step["index"] for step in turn.steps] == [1, 2, 3]
    assert {step["observation"] for step in turn.steps} == {"12", "30", "42"}
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
async def test_results_that_the_answer_lacks_are_added(agent: Agent, model: ScriptedChat, said: str, owed: str) -> None:
    model.replies, model.repeat = [answering(TWO | {"You get a question and the results": said})], True
    turn = await agent.ask("What are alpha and beta?", "plan_execute")
    assert turn.text == said + (f"\n\nThe steps gave:{owed}" if owed else "")


@pytest.mark.parametrize(
    ("said", "owed"),
    [
        ("Together they are 42.", ""),  # alpha and beta contributed to the sum
        ("Beta is 30.", "\n- Add both: both are 42"),
    ],
)
async def test_a_result_that_went_into_another_is_not_owed(
    agent: Agent, model: ScriptedChat, said: str, owed: str
) -> None:
    adding = {"Question: Add both": python_step("print(12 + 30)"), "You get a question and the results": said}
    model.replies, model.repeat = [answering(RULES | adding)], True
    turn = await agent.ask("What are alpha and beta together?", "plan_execute")
    assert turn.text == said + (f"\n\nThe steps gave:{owed}" if owed else "")


async def test_a_result_that_was_needed_in_name_alone_is_owed(agent: Agent, model: ScriptedChat) -> None:
    third = {"Question: Add both": python_step("print(42)"), "You get a question and the results": "It is 42."}
    model.replies, model.repeat = [answering(RULES | third)], True
    turn = await agent.ask("What are alpha, beta and gamma?", "plan_execute")
    owed = "\n\nThe steps gave:\n- Work out alpha: alpha is 12\n- Work out beta: beta is 30"
    assert turn.text == f"It is 42.{owed}"


async def test_a_step_is_told_what_the_question_quotes(agent: Agent, model: ScriptedChat) -> None:
    model.replies, model.repeat = [answering(TWO)], True
    await agent.ask(
        'What are "silver swans", alpha and beta, "silver swans" and "Work out beta [python_coder]"?', "plan_execute"
    )
    writing = [str(m[1].content) for m in model.asked if "Question: Work out" in str(m[1].content)]
    assert len(writing) >= 2
    assert all(text.count('"silver swans"') == 1 for text in writing)


async def test_the_answers_of_steps_are_thoughts_and_the_plan_streams(agent: Agent, model: ScriptedChat) -> None:
    model.replies, model.repeat = [answering(RULES)], True
    turn = await agent.ask("?", "plan_execute")
    assert turn.text == "Alpha is 12, beta 30, together 42."
    assert "alpha is 12" in turn.thoughts
    states = [[step["status"] for step in changed.plan] for changed in turn.all(PlanChanged)]
    assert states[0] == ["pending"] * 3
    assert ["running", "running", "pending"] in states
    assert states[-1] == ["done"] * 3


async def test_a_plan_of_one_step_is_react(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["1. Compute 6 * 7 [python_coder]", python_step("print(6 * 7)"), "Final Answer: It is 42."]
    turn = await agent.ask("6 * 7?", "plan_execute")
    assert turn.text == "It is 42."
    assert turn.calls == 3


async def test_no_plan_is_react(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["I cannot divide that.", "Final Answer: yes"]
    assert (await agent.ask("Is it?", "plan_execute")).text == "yes"


async def test_a_failed_step_is_planned_anew_and_what_is_done_stays(agent: Agent, model: ScriptedChat) -> None:
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
    turn = await agent.ask("alpha and gamma?", "plan_execute")
    assert [(s["goal"], s["status"]) for s in turn.plan] == [
        ("Work out alpha", "done"),
        ("Work out gamma", "dropped"),
        ("Work out delta instead", "done"),
    ]
    assert "no gamma" in (turn.plan[1]["error"] or "")
    assert turn.text.startswith("Alpha 12")
    assert sum("a step failed" in m[0].text for m in model.asked) == 1


async def test_replanning_has_an_end(agent: Agent, model: ScriptedChat) -> None:
    rules = {
        "You get a question and the results": "Nothing could be worked out.",
        "You divide a question": "1. gamma one\n2. gamma two",
        "a step failed": "1. gamma again",
        "gamma": python_step("raise RuntimeError('no gamma')"),
    }
    model.replies, model.repeat = [answering(rules)], True
    turn = await agent.ask("gamma?", "plan_execute")
    assert turn.text == "Nothing could be worked out."
    assert sum("a step failed" in m[0].text for m in model.asked) == 2
    assert {s["status"] for s in turn.plan} <= {"dropped", "failed"}


async def test_independent_steps_run_side_by_side(agent: Agent, model: ScriptedChat) -> None:
    """The first step's program waits until the second step asks for its own: otherwise it would never end."""
    rules = {
        "You divide a question": "1. Make one [python_coder]\n2. Make two [python_coder]",
        "Output:\none": "Final Answer: one",
        "Output:\ntwo": "Final Answer: two",
        "Question: Make one": python_step("while not os.path.exists('asked'): time.sleep(0.01)\nprint('one')"),
        "Question: Make two": python_step("print('two')"),
        "You get a question and the results": "One, then two.",
    }

    def reply(messages: list[BaseMessage]) -> str:
        text = answering(rules)(messages)
        if text == rules["Question: Make two"]:
            (agent.workspace.folder / "asked").touch()
        return text

    await agent.workspace.kernel.run("import os, time")
    model.replies, model.repeat = [reply], True
    turn = await agent.ask("one and two?", "plan_execute")
    assert [step["result"] for step in turn.plan] == ["one", "two"]


async def test_a_plan_of_one_step_is_done_with_its_answer(agent: Agent, model: ScriptedChat) -> None:
    """Regression: it stayed pending."""
    model.replies = ["1. Compute 6 * 7 [python_coder]", python_step("print(6 * 7)"), "Final Answer: It is 42."]
    turn = await agent.ask("6 * 7?", "plan_execute")
    ((step,), (shown,)) = turn.plan, turn.all(PlanChanged)[-1].plan
    assert step == shown
    assert (step["status"], step["result"], step["error"]) == ("done", "It is 42.", None)


async def test_a_plan_of_one_step_that_reached_its_limit_failed(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["1. Compute 6 / 0 [python_coder]", python_step("6 / 0"), "It is not known."]
    turn = await agent.ask("6 / 0?", "plan_execute", limits=Limits(max_iterations=1))
    (step,) = turn.plan
    assert step["status"] == "failed"
    assert "ZeroDivisionError" in (step["error"] or "")


async def test_steps_that_wait_for_a_failed_one_are_skipped(agent: Agent, model: ScriptedChat) -> None:
    rules = {
        "You divide a question": THREE,
        "a step failed": "I have no better plan.",
        "Output:\n12": "Final Answer: alpha is 12",
        "Question: Work out alpha": python_step("print(12)"),
        "beta": python_step("raise RuntimeError('no beta')"),
        "You get a question and the results": "Alpha is 12.",
        "": "It is not known.",
    }
    model.replies, model.repeat = [answering(rules)], True
    turn = await agent.ask("alpha, beta, both?", "plan_execute", limits=Limits(max_step_iterations=1, max_replans=0))
    assert [step["status"] for step in turn.plan] == ["done", "failed", "skipped"]
    assert turn.plan[2]["error"] == "It needs the result of step 2, which there is none of."
    assert turn.all(PlanChanged)[-1].plan == turn.plan


async def test_steps_that_a_spent_budget_leaves_are_skipped(agent: Agent, model: ScriptedChat) -> None:
    model.replies, model.repeat = [answering(RULES)], True
    budget = Budget(AgentSettings(run_max_calls=3))
    turn = await agent.ask("alpha, beta, both?", "plan_execute", budget=budget)
    assert {step["status"] for step in turn.plan} <= {"done", "failed", "skipped"}
    assert turn.plan[2]["status"] == "skipped"
