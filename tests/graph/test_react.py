"""`react` on real kernels, with a scripted model: how it handles errors, and where it ends."""

from llm.scripted import ScriptedChat
from nodes.state import Sampling
from tests.agent import Agent
from tests.serving import python_step
from tools import TOOLS


async def test_the_model_says_one_word_where_rules_cannot_tell(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["work", python_step("print(6 * 7)"), "Final Answer: 42"]
    turn = await agent.ask("Help me with my riddle", "auto")
    assert (turn.route.mode, turn.route.reason) == ("react", "the model chose work")
    assert turn.calls == 3
    assert model.arguments[0]["choices"] == ["talk", "work"]
    model.replies.append("With water.")
    turn = await agent.ask("Help me with my garden", "auto", conversation="two")
    assert turn.route.reason == "the model chose talk"
    assert len(model.held) == 1


async def test_the_limit_and_the_stops_of_the_request_shape_the_answer_of_an_agent(
    agent: Agent, model: ScriptedChat
) -> None:
    model.replies = [python_step("print(1)"), "Final Answer: one two three four five"] * 2
    cut = await agent.ask("?", sampling=Sampling(max_tokens=2))
    stopped = await agent.ask("?", sampling=Sampling(stop=("three",)), conversation="two")
    assert (cut.reason, stopped.reason) == ("length", "stop")
    assert "one two three four five".startswith(cut.text)
    assert len(cut.text) <= 8
    assert stopped.text == "one two"


async def test_a_failing_program_is_mended(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [python_step("print(1 / 0)"), python_step("print(1 / 2)"), "Final Answer: 0.5"]
    turn = await agent.ask("half?")
    assert turn.errors == ["ToolRetry", None]
    told = str(model.asked[1][1].content)
    assert "ZeroDivisionError: division by zero" in told
    assert "print(1 / 0)" in told


async def test_an_unknown_tool_is_answered_with_the_list(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["Action: browse\nAction Input: x", "Final Answer: no"]
    turn = await agent.ask("?")
    assert f"The tools are: {', '.join(TOOLS)}." in turn.steps[0]["observation"]


async def test_a_repeated_action_is_answered_not_run(agent: Agent, model: ScriptedChat) -> None:
    fails = python_step("open('count.txt', 'a').write('x')\nraise ValueError")
    model.replies = [fails, fails, fails, "Final Answer: gave up"]
    turn = await agent.ask("?")
    assert turn.errors == ["ToolRetry", "repeated action"]
    assert (agent.workspace.folder / "count.txt").read_text() == "x"


async def test_a_miscopied_number_gets_the_output_beside_it(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [python_step("print('total', 8563.25)"), "Final Answer: The total is 8653.25."]
    turn = await agent.ask("total?")
    assert "total 8563.25" in turn.text


async def test_an_empty_reply_is_asked_again(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["", "  ", "hello"]
    assert (await agent.ask("hi", "chat")).text == "hello"
