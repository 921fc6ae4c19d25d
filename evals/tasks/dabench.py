"""Data analysis in the style of InfiAgent-DABench: a CSV, a question, constraints, answers as `@name[value]`.

The questions and tables are original; the format is from Hu et al., 2024, "InfiAgent-DABench: Evaluating Agents on Data
Analysis Tasks": three levels, answers in slots that a program can compare.
"""

from typing import Literal

from evals import tables
from evals.answers import slots
from evals.task import Task, Turn
from evals.tasks import da_easy, da_hard, da_medium
from evals.tasks.da_question import Question

Level = Literal["da_easy", "da_medium", "da_hard"]


def tasks() -> list[Task]:
    """Thirty-six, twelve per level."""
    files = {
        "orders.csv": tables.csv(tables.orders()),
        "patients.csv": tables.csv(tables.patients()),
        "weather.csv": tables.csv(tables.weather()),
        "houses.csv": tables.csv(tables.houses()),
        "students.csv": tables.csv(tables.students()),
    }
    levels: tuple[tuple[Level, list[Question]], ...] = (
        ("da_easy", da_easy.questions()),
        ("da_medium", da_medium.questions()),
        ("da_hard", da_hard.questions()),
    )
    return [
        Task(f"{level}-{number}", level, (_turn(question),), {question.file: files[question.file]})
        for level, questions in levels
        for number, question in enumerate(questions, start=1)
    ]


def _turn(question: Question) -> Turn:
    return Turn(question.text, slots(question.answers, question.decimals))
