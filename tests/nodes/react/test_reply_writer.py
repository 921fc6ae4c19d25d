"""What a person sees of a reply in the text protocol while it is written: words and programs, never labels."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.scripted import ScriptedChat
from nodes.events import ThoughtDelta
from nodes.react.reply_writer import ReplySplitter, Split
from nodes.react.step_writer import fenced
from nodes.react.text_protocol import parse
from tests.agent import Agent
from tests.serving import python_step

CODE = "x = 1\nprint(x)"
TOOL = "python_coder"


def split(text: str, sizes: list[int]) -> Split:
    splitter = ReplySplitter(TOOL)
    words = code = answer = ""
    ends = [0, *(sum(sizes[:n]) for n in range(1, len(sizes) + 1)), len(text)]
    parts = [splitter.feed(text[start:end]) for start, end in pairwise(ends)]
    for part in [*parts, splitter.flush()]:
        words, code, answer = words + part.words, code + part.code, answer + part.answer
    return Split(words, code, answer)


@given(
    st.lists(
        st.sampled_from(["Final Answer:", "Thought:", "Action: python_coder", "Need:", "\n", "```", " a", "`", "b*"])
    ),
    st.lists(st.integers(1, 5)),
)
def test_how_the_reply_is_cut_makes_no_difference(parts: list[str], sizes: list[int]) -> None:
    text = "".join(parts)
    whole, cut = split(text, []), split(text, sizes)
    assert (cut.words, cut.code, cut.answer.strip()) == (whole.words, whole.code, whole.answer.strip())


@given(st.text(), st.text(min_size=1), st.lists(st.integers(1, 5)))
def test_the_answer_is_what_follows_its_label(thought: str, answer: str, sizes: list[int]) -> None:
    thought = thought.replace("`", "").replace("\r", "").replace(":", "") + "\n"
    if not answer.strip() or answer.strip().lower().startswith("n"):
        return
    got = split(f"{thought}Final Answer: {answer}", sizes)
    assert got.words == thought
    assert got.answer.strip() == answer.strip()


def test_the_answer_leaves_from_its_first_token() -> None:
    splitter = ReplySplitter(TOOL)
    assert splitter.feed("Thought: easy\n") == Split()
    assert splitter.feed("Final Ans") == Split()
    assert splitter.feed("wer:") == Split()
    assert splitter.feed(" 4") == Split(words="easy\n", answer="4")
    assert splitter.feed("2") == Split(answer="2")


def test_a_program_leaves_while_it_is_written() -> None:
    splitter = ReplySplitter(TOOL)
    assert splitter.feed("Thought: I print x.\nAction: python_coder\n") == Split(words="I print x.\n")
    assert splitter.feed("Action Input:\n```python\n") == Split()
    assert [splitter.feed(piece).code for piece in ("x ", "= 1", "\n`", "`` ", "\n```", "\nx")] == [
        "x ",
        "= 1",
        "\n",
        "",
        "",
        "",
    ]


@given(st.lists(st.integers(1, 9)))
def test_regression_an_answer_made_up_after_an_action_was_streamed_as_the_answer(sizes: list[int]) -> None:
    text = f"Action: python_coder\nAction Input:\n```python\n{CODE}\n```\nFinal Answer: 125862690715624"
    assert split(text, sizes) == Split(code=f"{CODE}\n")
    assert parse(text).final is None


@pytest.mark.parametrize(
    "reply", ["It is 42.", "Thought: It is 42.", "Answer: It is 42.", "**Final Answer:** It is 42."]
)
async def test_the_answer_is_no_thought(agent: Agent, model: ScriptedChat, reply: str) -> None:
    """Regression: an answer without the exact label was streamed as a thought and then given as the answer."""
    model.replies = [python_step("print(6 * 7)"), reply]
    turn = await agent.ask("What is 6 * 7?")
    assert turn.text == "It is 42."
    assert "It is" not in turn.thoughts


async def test_a_step_is_words_program_and_output(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [python_step("print(6 * 7)", "I multiply."), "Thought: That is it.\nFinal Answer: It is 42."]
    turn = await agent.ask("What is 6 * 7?")
    assert turn.thoughts == "I multiply.\n```python\nprint(6 * 7)\n```\n```\n42\n```\n\nThat is it."
    assert all(len(event.text) <= 60 for event in turn.all(ThoughtDelta))  # in pieces, as it is written


@pytest.mark.parametrize(
    "written",
    [
        f"Thought: I do.\n**Action:** python_coder\n**Action Input:** {CODE}",
        'Thought: I do.\nAction: python_coder\nAction Input: {"code": "x = 1\\nprint(x)"}',
        f"> Thought: I do.\nAction: python_coder\nAction Input:\n```\n{CODE}\n```\nObservation: 7\nThought: so it is 7",
        f"I do.\n```python\n{CODE}\n```",
    ],
)
async def test_a_program_is_shown_once_however_it_is_written(agent: Agent, model: ScriptedChat, written: str) -> None:
    model.replies = [written, "Final Answer: 1"]
    turn = await agent.ask("What is 0 + 1?")
    assert turn.thoughts == f"I do.\n```python\n{CODE}\n```\n```\n1\n```"


async def test_a_long_output_is_cut_with_a_note(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [python_step("for n in range(3000): print(n)"), "Final Answer: done"]
    turn = await agent.ask("Count to 3000 + 0.")
    assert len(turn.thoughts) < 1500
    assert "characters left out" in turn.thoughts


async def test_another_tool_is_a_line_and_a_short_result(agent: Agent, model: ScriptedChat) -> None:
    model.replies = ["Final Answer: There is nothing."]
    turn = await agent.ask("Search the documents: tides", files={"a.md": b"# Hi\n"})
    (step,) = turn.steps
    words, line, *result = turn.thoughts.splitlines()
    assert (words, line) == (step["thought"], f'Searching the documents: "{step["input"]}"')
    assert result == ["```", step["observation"], "```"]


def test_a_result_cannot_end_its_own_fence() -> None:
    assert fenced("a\n```\nb") == "````\na\n```\nb\n````"
