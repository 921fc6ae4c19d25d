"""Typical mistakes of small models and how they are handled, with real kernels."""

from llm.scripted import ScriptedChat
from tests.agent import Agent
from tests.serving import python_step

CSV = b"region,revenue\nNorth,10\nSouth,32\nSouth,5\n"


def told(model: ScriptedChat, at: int) -> str:
    return "\n".join(str(message.content) for message in model.asked[at])


async def test_the_only_table_is_read_for_a_program_that_takes_it_for_loaded(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [python_step("print(df['revenue'].sum())"), "Final Answer: 47."]
    turn = await agent.ask("What is the total revenue?", files={"sales.csv": CSV})
    step = turn.steps[0]
    assert step["error"] is None
    assert step["observation"].startswith("Note: df was not there, so this line was run first:")
    assert step["observation"].endswith("\n47")


async def test_of_two_tables_the_join_is_read_when_it_alone_has_the_columns(agent: Agent, model: ScriptedChat) -> None:
    costs = b"region,cost\nNorth,2\nSouth,3\n"
    program = python_step("print((df['revenue'] * df['cost']).sum())")
    model.replies = [program, "Final Answer: 131."]
    turn = await agent.ask("What is revenue times cost in total?", files={"sales.csv": CSV, "costs.csv": costs})
    step = turn.steps[0]
    assert (step["error"], step["observation"].splitlines()[-1]) == (None, "131")
    assert ".merge(pd.read_csv(" in step["observation"].splitlines()[0]


async def test_with_two_tables_nobody_guesses_and_the_error_says_what_to_do(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [python_step("print(df['revenue'].sum())"), python_step("print(47)"), "Final Answer: 47."]
    turn = await agent.ask("What is the total revenue?", files={"sales.csv": CSV, "more.csv": CSV})
    first = turn.steps[0]
    assert first["error"] == "ToolRetry"
    assert (
        "Nothing named df exists yet. A table has to be read first: df = pd.concat([pd.read_csv("
        in first["observation"]
    )
    assert "have the same columns; both together: df = pd.concat([pd.read_csv(" in told(model, 0)
    assert "has to be read first" in told(model, 1)


async def test_an_answer_in_a_form_is_asked_for_in_that_form(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [python_step("print('total', 47)"), "Final Answer: @total[47]"]
    turn = await agent.ask("What is the total?\nGive the answer in this format: @total[number]\nDo it well.")
    assert turn.text == "@total[47]"
    assert told(model, 1).endswith("Form: @total[number]")


async def test_a_slot_that_stays_empty_is_worked_out_once(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [
        python_step("print('mean', 5)"),
        "Final Answer: @mean[5]",
        python_step("print('mean', 5, 'count', 3)"),
        "Final Answer: @mean[5], @count[3]",
    ]
    turn = await agent.ask("Mean and count? Answer in this format: @mean[value], @count[number]")
    assert turn.text == "@mean[5], @count[3]"
    assert "Still missing: count" in told(model, 2)


async def test_lines_of_code_that_fit_the_question_stand_beside_it(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [python_step("print(1 / 0)"), python_step("print('p', 0.2)"), "Final Answer: They are."]
    await agent.ask("Are city and sales independent? Make a chi-square test.", files={"sales.csv": CSV})
    assert "chi2, p, dof, expected = stats.chi2_contingency" in told(model, 0)
    assert "chi2, p, dof, expected = stats.chi2_contingency" in told(model, 1)


async def test_a_need_that_calls_itself_an_answer_is_a_need(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [
        python_step("print('total', 47)"),
        "Final Answer: Need: the mean",
        python_step("print('mean', 15.67)"),
        "Final Answer: New values: 47 and 15.67.",
    ]
    turn = await agent.ask("Total and mean?")
    assert turn.text == "New values: 47 and 15.67."
    assert "Still missing: the mean" in told(model, 2)


async def test_programs_that_fail_one_after_the_other_are_given_up(agent: Agent, model: ScriptedChat) -> None:
    failing = [python_step(f"print({number} / 0)") for number in range(4)]
    model.replies = [*failing, "It cannot be divided."]
    turn = await agent.ask("What is 1 divided by nothing, as a number?")
    assert turn.errors == ["ToolRetry"] * 4
    answer = turn.text
    assert answer.startswith("I had to stop before I was sure (4 steps).")
    assert answer.endswith("It cannot be divided.")


async def test_what_is_known_at_the_end_is_asked_for_in_the_form(agent: Agent, model: ScriptedChat) -> None:
    model.replies = [*[python_step(f"print({number} / 0)") for number in range(4)], "@total[unknown]"]
    await agent.ask("What is the total? Answer in this format: @total[number]", files={"sales.csv": CSV})
    asked = told(model, 4)
    assert asked.endswith("Form of the answer, to be kept to the letter: @total[number]")
    assert "ZeroDivisionError" in asked
    assert "print(3 / 0)" not in asked.replace("Line 1: print(3 / 0)", "")


async def test_a_success_between_failures_begins_the_count_anew(agent: Agent, model: ScriptedChat) -> None:
    failing = [python_step(f"print({number} / 0)") for number in range(4)]
    need = [python_step("print('total', 47)"), "Need: the mean"]
    model.replies = [*failing[:3], *need, failing[3], python_step("print('mean', 5)"), "Final Answer: 47 and 5."]
    turn = await agent.ask("What are the total and the mean?", files={"sales.csv": CSV})
    assert turn.text == "47 and 5."


async def test_what_is_never_there_is_not_computed_for_ever(agent: Agent, model: ScriptedChat) -> None:
    computed = [reply for number in range(3) for reply in (python_step(f"print({number})"), "Need: the truth")]
    model.replies = [*computed, "It is not known."]
    turn = await agent.ask("What is the truth, as a number?")
    answer = turn.text
    assert answer.startswith("I had to stop before I was sure (3 steps). It is not known.")
    assert len(model.asked) == 7


async def test_a_table_that_a_program_reads_by_heart_is_read_as_described(agent: Agent, model: ScriptedChat) -> None:
    table = "sep=;\nzip;price;day\n00501;1.234,50;05.03.2022\n02134;89,99;20.10.2022\nTotal;1.324,49;\n"
    read = 'import pandas as pd\ndf = pd.read_csv("sales.csv")\n'
    program = read + 'print(df["zip"][0], df["price"].sum(), df["day"].dt.month.tolist())'
    model.replies = [python_step(program), "Final Answer: 1324.49."]
    turn = await agent.ask("What is the total price?", files={"sales.csv": table.encode()})
    step = turn.steps[0]
    assert step["error"] is None
    assert step["observation"].startswith("Note: the file was read as its description says: pd.read_csv(")
    assert step["observation"].endswith("\n00501 1324.49 [3, 10]")
