"""The native protocol: the backend's own tool calling."""

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage

from llm.errors import ToolsUnsupportedError
from llm.scripted import ScriptedChat
from nodes.prompts import render
from nodes.state import Limits
from tests.agent import Agent, Turn
from tests.api.client import ask as post
from tests.clients.scenes import PNG
from tests.people import Start
from tests.serving import Service, python_step

ASKED = "What is 6 * 7?"
TALK = "Tell me about 42."


def call(code: str, text: str = "", name: str = "python_coder") -> AIMessage:
    return AIMessage(text, tool_calls=[{"name": name, "args": {"code": code}, "id": "c", "type": "tool_call"}])


def offered(model: ScriptedChat, call: int) -> list[str]:
    """The names of the tools that the model was offered."""
    return [tool["function"]["name"] for tool in model.arguments[call].get("tools", [])]


@pytest.fixture
def model(model: ScriptedChat) -> ScriptedChat:
    model.native_tools = True
    return model


async def ask(agent: Agent, question: str = ASKED, **given: Any) -> Turn:
    return await agent.ask(question, protocol="native", **given)


async def test_a_model_with_tools_is_given_them(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [call("print(6 * 7)", "I multiply."), "It is 42."]
    turn = await ask(agent)
    assert (turn.text, turn.reason) == ("It is 42.", "stop")
    assert turn.thoughts == "I multiply.\n```python\nprint(6 * 7)\n```\n```\n42\n```"
    (step,) = turn.steps
    assert (step["tool"], step["input"], step["observation"]) == ("python_coder", "print(6 * 7)", "42")
    assert offered(model, 0) == ["python_coder", "read_page", "web_search"]  # there is nothing for the others
    program = model.arguments[0]["tools"][0]["function"]["parameters"]
    assert list(program["properties"]) == program["required"] == ["code"]  # the model writes it, not a task
    exchange = model.asked[1][-2:]
    assert isinstance(exchange[0], AIMessage)
    assert isinstance(exchange[1], ToolMessage)
    assert exchange[0].tool_calls[0]["id"] == exchange[1].tool_call_id
    model.replies.append("You asked for 6 * 7.")
    again = await ask(agent, "Sum up with numbers 1 and 2")
    assert again.text == "You asked for 6 * 7."
    assert "Answer: It is 42." in str(model.asked[2][1].content)


@pytest.mark.parametrize(
    ("name", "content", "there"),
    [
        ("a.csv", b"a,b\n1,2\n", {"file_analyzer"}),
        ("a.md", b"# Notes\n\nNone.\n", {"file_analyzer", "rag_retriever"}),
        ("a.png", PNG, {"file_analyzer", "vision_analyzer"}),
    ],
)
async def test_tools_are_offered_that_have_something_to_work_on(
    agent: Agent, model: ScriptedChat, name: str, content: bytes, there: set[str]
) -> None:
    model.replies = ["It is empty."]
    await ask(agent, "What is in it?", files={name: content})
    assert set(offered(model, 0)) == {"python_coder", "web_search", "read_page"} | there


async def test_a_tool_that_cannot_is_not_offered_again(agent: Agent, model: ScriptedChat) -> None:
    search = AIMessage("", tool_calls=[{"name": "rag_retriever", "args": {"query": "x"}, "id": "c"}])
    model.replies = [search, "There is nothing."]
    await ask(agent, files={"a.zip": b"PK"})
    assert [("rag_retriever" in offered(model, call)) for call in (0, 1)] == [True, False]


async def test_a_long_speech_before_a_call_is_shown_and_kept(agent: Agent, model: ScriptedChat) -> None:
    speech = "First I tell you at length what I am going to do. " * 5
    model.replies = [call("print(6 * 7)", speech), "It is 42."]
    turn = await ask(agent, TALK)
    assert turn.text == turn.messages[-1].text == f"{speech}\n\nIt is 42."


@pytest.mark.parametrize(
    "arguments",
    ['"{\\"code\\": \\"print(6 * 7)\\"}"', "print(6 * 7)", '{"code": "print(6 * 7)', "code: print(6 * 7)"],
)
async def test_malformed_calls_are_mended(agent: Agent, model: ScriptedChat, arguments: str) -> None:
    broken = AIMessage("", invalid_tool_calls=[{"name": "python", "args": arguments, "id": "c", "error": None}])
    model.replies = [broken, "It is 42."]
    turn = await ask(agent)
    assert turn.steps[0]["observation"] == "42"


async def test_a_call_that_cannot_be_read_is_asked_for_again(agent: Agent, model: ScriptedChat) -> None:
    broken = AIMessage("", invalid_tool_calls=[{"name": "python_coder", "args": "[6", "id": "c", "error": None}])
    model.replies = [broken, call("print(6 * 7)"), "It is 42."]
    turn = await ask(agent)
    assert turn.text == "It is 42."
    assert "could not be read" in str(model.asked[1][-1].content)
    model.replies += [call("x", name="magic"), "I cannot."]
    turn = await ask(agent)
    assert "There is no tool named 'magic'" in turn.steps[0]["observation"]


PROGRAM = "```python\nx = 6 * 7\nprint(x)\n```"
BARE_JSON = '{"name": "python_coder", "arguments": {"code": "print(6 * 7)"}}'
LONG_JSON = '```json\n{"name": "python", "arguments": {"code": """\n    x = 6 * 7\n    print(x)\n    """}}\n```'


@pytest.mark.parametrize(
    "written",
    [f"{PROGRAM}\nIt is 41.", f"{BARE_JSON}\nIt is 41.", f"{LONG_JSON}\nIt is 41.", PROGRAM.removesuffix("```")],
)
async def test_a_call_that_is_written_out_is_made(agent: Agent, model: ScriptedChat, written: str) -> None:
    model.replies = [f"Here is the code:\n{written}", "It is 42."]
    turn = await ask(agent)
    (step,) = turn.steps
    assert (step["tool"], step["observation"]) == ("python_coder", "42")
    assert turn.text == "It is 42."
    assert turn.thoughts.startswith("Here is the code:")


async def test_what_a_written_program_would_print_is_never_shown(agent: Agent, model: ScriptedChat) -> None:
    speech = "First I tell you at length what I am going to do. " * 5
    model.replies = [f"{speech}\n{PROGRAM}\nThe output is 41.", "It is 42."]
    turn = await ask(agent, TALK)
    assert turn.text == f"{speech}\n\n\nIt is 42."
    assert "41" not in turn.thoughts


async def test_words_before_a_call_that_is_expected_are_thoughts(agent: Agent, model: ScriptedChat) -> None:
    speech = "First I tell you at length what I am going to do. " * 5
    model.replies = [
        f"{speech}\n```python\n1 / 0\n```",
        f"{speech}\n```python\n1 / 0\n```",
        f"{speech}\n{PROGRAM}",
        "It is 42.",
    ]
    turn = await ask(agent)
    assert turn.text == "It is 42."
    assert turn.thoughts.count(speech) == 3
    assert turn.errors == ["ToolRetry", "repeated action", None]


async def test_a_call_that_was_only_announced_is_asked_for(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["I multiply. Here is the program:", f"Here it is:\n{PROGRAM}", "It is 42."]
    turn = await ask(agent)
    assert turn.text == "It is 42."
    assert model.asked[1][-1].text == render("react/announced_call")
    assert "Here it is" not in str(model.asked[2][-2].content)  # the model would stop after this text


async def test_words_about_a_tool_that_was_not_called_are_no_answer(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["We need to define the `python_coder` function first.", call("print(6 * 7)"), "It is 42."]
    turn = await ask(agent)
    assert turn.text == "It is 42."
    assert model.asked[1][-1].text == render("react/announced_call")
    model.replies += [call("print(6 * 7)"), "It is 42: python_coder printed it."]
    turn = await ask(agent)
    assert turn.text == "It is 42: python_coder printed it."


async def test_an_example_with_an_input_is_no_call(agent: Agent, model: ScriptedChat) -> None:
    example = "It is 42.\n\nInput: a number\nOutput: its half"
    model.replies = [call("print(6 * 7)"), example]
    turn = await ask(agent)
    assert turn.text == example
    assert len(turn.steps) == 1


async def test_a_number_that_nothing_was_run_for_is_doubted_once(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["It is 41.", call("print(6 * 7)"), "It is 42."]
    turn = await ask(agent)
    assert turn.text == "It is 42."
    assert model.asked[1][-1].text == render("react/guessed_numbers")
    model.replies += ["It is 42, as everybody knows.", "It is 42, I am sure."]
    turn = await ask(agent, conversation="two")
    assert turn.text == "It is 42, I am sure."
    model.replies += ["6 times 7, as you say."]
    turn = await ask(agent, conversation="three")
    assert turn.text == "6 times 7, as you say."


async def test_code_is_shown_once_something_has_worked_and_when_it_is_given_again(
    agent: Agent, model: ScriptedChat
) -> None:
    shown = f"I ran this for the transaction:\n{PROGRAM}\nIt printed 42. In `x` it stays."
    model.replies = [call("print(6 * 7)"), shown]
    turn = await ask(agent)
    assert turn.text == shown
    silent = "```python\ndef reverse(s):\n    return s[::-1]\n```"
    model.replies += [silent, f"Here it is:\n{silent}"]
    turn = await ask(agent, "Write a function that reverses a string.")
    assert turn.text == f"Here it is:\n{silent}"
    assert len(turn.steps) == 1


async def test_old_observations_are_cut_short(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [call(f"print('{n}' * 3000)") for n in range(4)] + ["Done."]
    await ask(agent)
    told = [len(m.text) for m in model.asked[4] if isinstance(m, ToolMessage)]
    assert [size < 600 for size in told] == [True, True, False, False]


async def test_the_end_of_the_steps_gives_the_best_answer(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [call("1 / 0"), call("2 / 0"), "It could not be computed."]
    turn = await ask(agent, limits=Limits(max_iterations=2))
    assert turn.text.startswith("I had to stop before I was sure (2 steps). It could")


async def test_a_server_without_tools_is_asked_in_words(agent: Agent, model: ScriptedChat) -> None:
    refused = ToolsUnsupportedError("no tools")
    model.replies = [refused, python_step("print(6 * 7)"), refused, "Final Answer: It is 42."]
    turn = await ask(agent)
    assert turn.steps[0]["observation"] == "42"
    assert turn.text == "It is 42."


@pytest.mark.parametrize(("protocol", "able", "bound"), [("text", True, False), ("native", False, True)])
async def test_the_setting_decides(start: Start, model: ScriptedChat, protocol: str, able: bool, bound: bool) -> None:
    model.native_tools, model.replies = able, ["Final Answer: 42"] if protocol == "text" else ["42", "42"]
    async with start(tool_protocol=protocol) as service:
        body = await post(service, ASKED)
        assert body["choices"][0]["message"]["content"] == "42"
        assert ("tools" in model.arguments[0]) == bound


async def test_a_stream_holds_no_calls(service: Service, model: ScriptedChat) -> None:
    """Clients would run the service's tools."""
    model.replies = [call("print(6 * 7)", "I multiply."), "It is 42."]
    body = {"messages": [{"role": "user", "content": ASKED}], "stream": True}
    async with service.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        lines = [line.removeprefix("data: ") async for line in answer.aiter_lines() if line.startswith("data: {")]
    deltas = [choice["delta"] for line in lines for choice in json.loads(line)["choices"]]
    assert not any("tool_calls" in delta for delta in deltas)
    assert "".join(delta.get("content") or "" for delta in deltas) == "It is 42."
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas).startswith("I multiply.\n```python\n")
