from hypothesis import given
from hypothesis import strategies as st

from nodes.react.text_protocol import parse

CODE = "x = 1\nprint(x)"
LABELS = {
    "thought": ["Thought:", "thought:", "**Thought:**", "THOUGHT :", "> Thought:"],
    "action": ["Action:", "action:", "**Action**:", "ACTION:", "Tool:"],
    "input": ["Action Input:", "ACTION_INPUT:", "action input :", "Input:", "**Action Input:**"],
    "close": ["\n```", "\n```\n", "\n```\nThe program prints x.", ""],
    "fence": ["```python\n", "```\n", "``` py\n"],
}


@given(*(st.sampled_from(LABELS[name]) for name in ("thought", "action", "input", "fence", "close")))
def test_a_step_survives_any_dress(thought: str, action: str, given_input: str, fence: str, close: str) -> None:
    text = f"{thought} I print x.\n{action} python_coder\n{given_input}\n{fence}{CODE}{close}"
    reply = parse(text)
    assert (reply.tool, reply.input) == ("python_coder", CODE)
    assert reply.thought == "I print x."


@given(st.text())
def test_it_never_raises_and_keeps_plain_talk(text: str) -> None:
    reply = parse(text)
    if reply.tool is None and reply.final is None and reply.need is None:
        assert reply.thought in text


@given(st.lists(st.sampled_from(["Thought:", "Action:", "Action Input:", "Final Answer:", "```", "\n", "{", "a b "])))
def test_no_mixture_of_labels_raises(parts: list[str]) -> None:
    parse("".join(parts))


def test_final_answer() -> None:
    reply = parse("Thought: easy\nFinal Answer: 42\nand more")
    assert (reply.thought, reply.final, reply.tool) == ("easy", "42\nand more", None)


def test_an_action_wins_over_an_answer_made_up_after_it() -> None:
    reply = parse(f"Action: python_coder\nAction Input:\n```python\n{CODE}\n```\nObservation: 1\nFinal Answer: 1")
    assert reply.tool == "python_coder"
    assert reply.final is None


def test_code_without_an_action_is_an_action_of_the_tool_that_runs_programs() -> None:
    text = f"Let me see.\n```python\n{CODE}\n```"
    reply = parse(text, "python_coder")
    assert (reply.tool, reply.input, reply.thought) == ("python_coder", CODE, "Let me see.")
    assert (parse(text).tool, parse(text).thought) == (None, text)


def test_an_input_without_an_action_is_for_the_tool_that_runs_programs() -> None:
    text = f"Thought: I print x.\nAction Input:\n```python\n{CODE}\n```"
    reply = parse(text, "python_coder")
    assert (reply.tool, reply.input, reply.thought) == ("python_coder", CODE, "I print x.")
    assert (parse(text).tool, parse(text).thought) == (None, text)


def test_code_in_json_is_taken_out() -> None:
    reply = parse('Action: python_coder\nAction Input: {"code": "print(1)\\nprint(2)"}')
    assert reply.input == "print(1)\nprint(2)"


def test_a_label_inside_code_is_code() -> None:
    code = 'print("""\nFinal Answer: no\nAction: none\n""")'
    assert parse(f"Action: python_coder\nAction Input:\n```python\n{code}\n```").input == code


def test_need() -> None:
    assert parse("Need: the mean of score").need == "the mean of score"


def test_regression_an_input_of_nested_objects_ended_the_run() -> None:
    """JSON nested too deep to parse raised RecursionError."""
    deep = '{"a":' * 100_000
    assert parse(f"Action: python_coder\nAction Input: {deep}").input == deep
