from langchain_core.tools import BaseTool, Tool

from tools.coding.program_prompt import mend_program, write_program

RULE = "\n- If nothing has to be computed or looked up, reply instead with: Final Answer: the answer"


def tool() -> BaseTool:
    return Tool(name="runner", description="runs programs.", func=str)


def test_a_step_and_a_task_are_asked_alike_but_a_task_needs_a_program() -> None:
    step = write_program(tool(), "How many?", ["Files: a.csv"], may_answer=True)
    task = write_program(tool(), "How many?", ["Files: a.csv"], may_answer=False)
    assert step[0].text == task[0].text + RULE
    assert step[1] == task[1]
    assert "You have these tools:\n- runner: runs programs.\n" in step[0].text
    assert step[0].text.count("Action: runner\n") == 2


def test_the_question_stands_between_what_is_at_hand_and_what_was_done() -> None:
    _, told = write_program(tool(), "How many?", ["", "Files: a.csv"], ["Still missing: b"], may_answer=True)
    assert told.text == "Files: a.csv\n\nQuestion: How many?\n\nStill missing: b"


def test_a_program_is_mended_from_what_happened_alone() -> None:
    system, told = mend_program(tool(), "How many?", ["Files: a.csv"], "print(a)", "NameError: a")
    assert "Action: runner\n" in system.text
    assert told.text == (
        "Files: a.csv\n\nTask: How many?\n\nProgram:\n```python\nprint(a)\n```\n\nWhat happened:\nNameError: a"
    )


def test_lines_of_code_that_fit_stand_before_the_question() -> None:
    for _, told in (
        write_program(tool(), "Make a t-test", [], may_answer=False),
        mend_program(tool(), "Make a t-test", [], "print(a)", "NameError: a"),
    ):
        assert told.text.startswith("How it is written (with your own names):\nfrom scipy import stats; ")
