"""What a tool is for, said in the tool's own file: no rule elsewhere knows a tool by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from tools.question import FileKind, Files, Question

Kind = Literal["computation", "search", "reading"]
LOOK_UPS: tuple[Kind, ...] = ("search", "reading")
"""They find what exists, as opposed to a computation."""


class Fit(IntEnum):
    """How well a tool fits a question, by what speaks for it. From `CLEAR` on, the rules are sure of the best tool;
    tools that are `POSSIBLE` or `LIKELY` are rivals, and somebody has to choose."""

    NONE = 0
    """Nothing speaks for it."""
    FALLBACK = 1
    """It can attempt anything, where no other tool fits."""
    POSSIBLE = 2
    """The files at hand speak for it."""
    LIKELY = 3
    """The question's words do."""
    CLEAR = 4
    """Both do, and nothing speaks for another tool."""
    ASKED = 5
    """The question asks for what this tool alone can do."""
    NAMED = 6
    """The question names what the tool works on: a file, an address."""


@dataclass(frozen=True, slots=True)
class FirstCall:
    """A call that needs no model: the thought that goes with it, and its input."""

    thought: str
    input: str


def _none(question: Question) -> Fit:  # noqa: ARG001
    return Fit.NONE


def _no_call(question: Question) -> FirstCall | None:  # noqa: ARG001
    return None


@dataclass(frozen=True, slots=True)
class Purpose:
    """The purpose of one tool. `fit` and `first_call` are asked with a question and the files at hand."""

    kind: Kind
    """`computation`: the input is a program, which a model writes; one tool alone is of this kind. `search`: the input
    is words, and what they do not find may be searched for in other words. `reading`: the input is one thing to look
    at."""
    fit: Callable[[Question], Fit] = _none
    """Without it, the tool is only called when a model names it."""
    first_call: Callable[[Question], FirstCall | None] = _no_call
    """None where the question does not say enough; of a computation, always: a model writes its program."""
    files: frozenset[FileKind] = frozenset()
    """The kinds of files that it works on. A search or reading with kinds is of no use without such a file."""
    aliases: tuple[str, ...] = ()
    """Names by which models were trained to call such a tool."""

    def has_files(self, files: Files) -> bool:
        """Whether there is something for it to work on, where it works on files alone."""
        return not (self.kind in LOOK_UPS and self.files) or files.has(self.files)

    def can_begin(self, question: Question) -> bool:
        """Whether it can be called with what the question says."""
        return self.has_files(question.files) and not (self.kind in LOOK_UPS and self.first_call(question) is None)


Purposes = Mapping[str, Purpose]
"""By the tools' names."""
