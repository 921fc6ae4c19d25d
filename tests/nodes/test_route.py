"""`route` and `record`: where a turn begins and ends, in the top graph."""

import time

from langchain_core.messages import AIMessage

from llm.scripted import ScriptedChat
from nodes.events import Routed
from nodes.route import record
from nodes.state import AgentState
from tests.agent import Agent
from tests.serving import python_step


async def test_files_and_work_that_was_done_are_a_reason_to_work(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [
        python_step("x = 42\nprint(x)"),
        "Final Answer: 42",
        python_step("print(x / 2)"),
        "Final Answer: 21",
    ]
    first = await agent.ask("Which region sold most?", "auto", files={"sales.csv": b"region,sold\nNorth,1\n"})
    assert first.route == Routed("react", "the session has files")
    again = await agent.ask("And half of it?", "auto")
    assert again.route.mode == "react"
    assert again.steps[0]["observation"] == "21.0"


async def test_without_tools_there_is_nothing_but_talk(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["391"]
    turn = await agent.ask("What is 17 * 23?", "auto", tools={})
    assert turn.route == Routed("chat", "there are no tools")


async def test_a_mode_that_is_asked_for_is_taken(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["391"]
    assert (await agent.ask("What is 17 * 23?", "chat")).route == Routed("chat", "asked for by the client")


async def test_nothing_of_a_turn_is_left_for_the_next(agent: Agent, model: ScriptedChat) -> None:
    plan = "1. Work out alpha [python_coder]\n2. Work out beta [python_coder]"
    model.replies = [plan, "Final Answer: a", "Final Answer: b", "Both.", "Hello."]
    worked = await agent.ask("alpha and beta?", "plan_execute")
    assert [step["status"] for step in worked.plan] == ["done", "done"]
    talked = await agent.ask("Hi", "chat")
    assert (talked.plan, talked.steps, talked.state["answer"]) == ([], [], None)
    assert [message.text for message in talked.messages][::2] == ["alpha and beta?", "Hi"]


async def test_the_answer_is_recorded_with_the_time_of_its_end() -> None:
    answer = AIMessage("42", id="a", additional_kwargs={"steps": []})
    before = time.time()
    (kept,) = (await record(AgentState(answer=answer, mode="react")))["messages"]
    assert (kept.text, kept.id, kept.additional_kwargs["steps"]) == ("42", "a", [])
    assert before <= kept.additional_kwargs["created_at"] <= time.time()
    assert "created_at" not in answer.additional_kwargs
    assert (await record(AgentState(answer=None, mode="react")))["messages"] == []
