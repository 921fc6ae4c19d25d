import pytest
from hypothesis import given
from hypothesis import strategies as st

import tools
from nodes.plan import MAX_STEPS, read_plan, ready

TOOLS = {name: tools.TOOLS[name].PURPOSE for name in ("python_coder", "rag_retriever", "file_analyzer")}
PLAN = """Here is the plan:
1. Compute the total of May in sales.csv [python_coder]
2. Find the target for May in plan.pdf [rag_retriever] (done when: a number is found)
3. Compare the total with the target [python_coder] (needs 1, 2)
"""


def test_a_plan_is_read() -> None:
    first, second, third = read_plan(PLAN, TOOLS)
    assert (first["goal"], first["tool"], first["needs"]) == (
        "Compute the total of May in sales.csv",
        "python_coder",
        [],
    )
    assert (second["tool"], second["done_when"]) == ("rag_retriever", "a number is found")
    assert (third["goal"], third["needs"]) == ("Compare the total with the target", [1, 2])


def test_a_new_plan_is_numbered_after_the_old_one() -> None:
    steps = read_plan("1. a thing [python_coder]\n2. b thing (needs 1)", TOOLS, first=4)
    assert [(s["id"], s["needs"]) for s in steps] == [(4, []), (5, [4])]


def test_other_dresses() -> None:
    steps = read_plan(
        "**Step 1:** load it\n- 2) use the result of step 1\n> 3. sum (uses step 2) [Python_Coder]", TOOLS
    )
    assert [(s["goal"], s["needs"], s["tool"]) for s in steps] == [
        ("load it", [], None),
        ("use the result of step 1", [1], None),
        ("sum", [2], "python_coder"),
    ]


def test_a_step_cannot_need_itself_or_a_later_one() -> None:
    assert [s["needs"] for s in read_plan("1. a (needs 2)\n2. b (needs 2, 1)", TOOLS)] == [[], [1]]


def test_talk_is_no_plan() -> None:
    assert read_plan("I would first look at the data.", TOOLS) == []


@pytest.mark.parametrize(
    "first",
    [
        "Read sales.csv [python_coder]",
        "Load the data from `sales 2024.csv` into a pandas DataFrame",
        "Open the CSV file [file_analyzer]",
    ],
)
def test_a_step_that_only_loads_is_left_out(first: str) -> None:
    (step,) = read_plan(f"1. {first}\n2. Count the rows of sales.csv [python_coder] (needs 1)", TOOLS)
    assert (step["id"], step["goal"], step["needs"]) == (1, "Count the rows of sales.csv", [])


@pytest.mark.parametrize(
    "first",
    [
        "Read sales.csv and count its rows",
        "Read plan.pdf",
        "Load a.csv [rag_retriever]",
        "Read it and sum up all of a.csv",
        "Read the minutes",
    ],
)
def test_a_step_that_reads_for_something_stays(first: str) -> None:
    assert len(read_plan(f"1. {first}\n2. Count the rows of sales.csv", TOOLS)) == 2


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    steps = read_plan(text, TOOLS)
    assert len(steps) <= MAX_STEPS
    assert all(need < step["id"] for step in steps for need in step["needs"])
    assert not steps or ready(steps)
