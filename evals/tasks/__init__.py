"""All tasks: ten or more per kind, half of them held out."""

from evals.task import Task, halves
from evals.tasks import arithmetic, dabench, files, follow_up, planned, table, talk

KINDS = {
    "arithmetic": arithmetic.tasks,
    "table": table.tasks,
    "files": files.tasks,
    "follow_up": follow_up.tasks,
    "planned": planned.tasks,
    "talk": talk.tasks,
}
"""The six kinds of the evaluation set."""


def all_tasks() -> list[Task]:
    """The evaluation set."""
    return [task for make in KINDS.values() for task in halves(make())]


def da_tasks() -> list[Task]:
    """The data-analysis questions, three levels."""
    return halves(dabench.tasks())
