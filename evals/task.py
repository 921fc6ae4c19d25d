"""A task: the question of each turn, its files, and the checks of the answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Check = Callable[[str], str | None]
"""Checks an answer; None if it is correct, otherwise what is wrong."""
Kind = Literal["arithmetic", "table", "files", "follow_up", "planned", "talk", "da_easy", "da_medium", "da_hard"]
Half = Literal["dev", "test"]


@dataclass(frozen=True)
class Turn:
    """One question and its check."""

    question: str
    check: Check


@dataclass(frozen=True)
class Task:
    """`half` says whether prompts may be tuned on it."""

    name: str
    kind: Kind
    turns: tuple[Turn, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    half: Half = "dev"

    @property
    def mode(self) -> str:
        """The mode that the router should choose for the first turn."""
        return {"talk": "chat", "planned": "plan_execute"}.get(self.kind, "react")


def halves(tasks: list[Task]) -> list[Task]:
    """Half of the tasks are held out."""
    return [
        Task(task.name, task.kind, task.turns, task.files, "test" if at % 2 else "dev") for at, task in enumerate(tasks)
    ]
