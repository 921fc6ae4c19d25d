"""A task: what is asked in one or more turns, the files that come with it, and how the answers are checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Check = Callable[[str], str | None]
"""Looks at an answer; None when it is right, else what is wrong with it."""
Kind = Literal["arithmetic", "table", "files", "follow_up", "planned", "talk", "da_easy", "da_medium", "da_hard"]
Half = Literal["dev", "test"]


@dataclass(frozen=True)
class Turn:
    """One question and its check."""

    question: str
    check: Check


@dataclass(frozen=True)
class Task:
    """`half` says whether the prompts may be tuned on it; the test half is only ever run."""

    name: str
    kind: Kind
    turns: tuple[Turn, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    half: Half = "dev"

    @property
    def mode(self) -> str:
        """What the router should choose for the first turn."""
        return {"talk": "chat", "planned": "plan_execute"}.get(self.kind, "react")


def halves(tasks: list[Task]) -> list[Task]:
    """Every second task is held back."""
    return [
        Task(task.name, task.kind, task.turns, task.files, "test" if at % 2 else "dev") for at, task in enumerate(tasks)
    ]
