"""Which instructions make the client the agent."""

import time

import pytest

from nodes.rules.instructions import LONG, defines_format, defines_tools
from nodes.rules.mode import Situation, question_kind
from tools.question import sort_files

FILLER = "The project uses four spaces. Be careful with files that you have not read, and explain what you change.\n"
XML_TOOLS = """You are a skilled engineer.

TOOL USE

You can run one tool per message, with XML-style tags:

<read_file>
<path>src/main.py</path>
</read_file>
"""
HEADINGS = (
    "You work in a terminal.\n\n# Tools\n\n## execute_command\nDescription: Runs a command.\nParameters: command\n"
)
LISTED = "You are an assistant. You have access to the following tools:\n\nsearch: finds pages\ncalc: computes\n"
REACT = "Answer step by step.\nThought: what to do\nAction: one of [search, calc]\nAction Input: the input\n"
CALLS = "You are a coding agent. Emit function calls to run terminal commands.\n"
BLOCKS = "Act as an expert developer. All changes to files must use this *SEARCH/REPLACE* block format:\n"
SCHEMA = 'Always respond with a JSON object that matches this schema:\n{"properties": {"name": {"type": "string"}}}'
PERSONA = (
    "You are Ada, the friendly analyst of a bakery. You like short answers and know a lot about bread and cakes.\n"
)


def long(text: str) -> str:
    return text + FILLER * (LONG // len(FILLER) + 1)


@pytest.mark.parametrize("text", [XML_TOOLS, HEADINGS, LISTED, REACT, CALLS, BLOCKS])
def test_long_instructions_with_tools_of_their_own(text: str) -> None:
    assert defines_tools(long(text))
    assert defines_tools(FILLER * 130 + text)
    kind, reason = question_kind("Compute 17 * 23 and 4 + 5", Situation(instructions=long(text))) or ("", "")
    assert (kind, "its own tools" in reason) == ("talk", True)


@pytest.mark.parametrize("text", [PERSONA, long(PERSONA), LISTED, "Use tools.", ""])
def test_a_tone_a_topic_or_a_short_note_define_none(text: str) -> None:
    assert not defines_tools(text)
    assert not defines_format(text)
    kind, _ = question_kind("Compute 17 * 23 and 4 + 5", Situation(instructions=text)) or ("", "")
    assert kind == "work"


def test_long_instructions_beside_tool_definitions_need_no_words_for_them() -> None:
    assert defines_tools(long(PERSONA), tools=True)
    assert not defines_tools(PERSONA, tools=True)


def test_tools_can_be_defined_in_the_question() -> None:
    assert (question_kind(long(LISTED) + "\nQuestion: What is 17 * 23?", Situation()) or ("",))[0] == "talk"


@pytest.mark.parametrize(
    "situation",
    [
        Situation(response_format=True),
        Situation(instructions=SCHEMA),
        Situation(instructions=long("Answer with one JSON object and nothing else.\n")),
    ],
)
def test_a_formatted_answer_without_files_is_written_from_the_text(situation: Situation) -> None:
    question = "Extract the names and the total: Ann paid 12.50, Bob 7.25; total 19.75, see https://example.org/1."
    assert (question_kind(question, situation) or ("",))[0] == "talk"


@pytest.mark.parametrize(
    ("question", "situation"),
    [
        ("Sum the amounts", Situation(own=sort_files(["a.csv"]), all=sort_files(["a.csv"]), response_format=True)),
        ("Sum the amounts in sales.csv", Situation(all=sort_files(["sales.csv"]), response_format=True)),
        ("Search the web for the height of the Eiffel Tower", Situation(response_format=True)),
    ],
)
def test_a_formatted_answer_from_files_or_the_web_needs_tools(question: str, situation: Situation) -> None:
    assert (question_kind(question, situation) or ("",))[0] == "work"


@pytest.mark.parametrize(
    "text", ["<a_b>" * 40_000, "# " + "tool" * 50_000, "you have " * 20_000, "\n" * 200_000, " \n" * 99_999]
)
def test_hostile_instructions_take_no_time(text: str) -> None:
    began = time.perf_counter()
    defines_tools(text)
    defines_format(text)
    assert time.perf_counter() - began < 2
