"""The purpose of a tool, defined in the tool's own file: no other rule refers to a tool by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from tools.question import FileKind, Files, Question

Kind = Literal["computation", "search", "reading"]
LOOK_UPS: tuple[Kind, ...] = ("search", "reading")
"""They find existing information, as opposed to a computation."""


class Fit(IntEnum):
    """How well a tool fits a question. From `CLEAR` on, the rules are sure of the best tool; if several are `POSSIBLE`
    or `LIKELY`, a model has to choose.
    """

    NONE = 0
    """Nothing suggests it."""
    FALLBACK = 1
    """It can attempt anything, if no other tool fits."""
    POSSIBLE = 2
    """The available files suggest it."""
    LIKELY = 3
    """The question's words suggest it."""
    CLEAR = 4
    """Both do, and nothing suggests another tool."""
    ASKED = 5
    """The question asks for something that only this tool can do."""
    NAMED = 6
    """The question names what the tool works on: a file, a URL."""


@dataclass(frozen=True, slots=True)
class FirstCall:
    """A call that needs no model: the accompanying thought, and the input."""

    thought: str
    input: str


def _none(question: Question) -> Fit:  # noqa: ARG001
    return Fit.NONE


def _no_call(question: Question) -> FirstCall | None:  # noqa: ARG001
    return None


@dataclass(frozen=True, slots=True)
class Purpose:
    """The purpose of one tool. `fit` and `first_call` are called with a question and the available files."""

    kind: Kind
    """`computation`: the input is a program, which a model writes; only one tool is of this kind. `search`: the input
    is words, and if nothing is found, other words may be tried. `reading`: the input is one thing to read.
    """
    fit: Callable[[Question], Fit] = _none
    """Without it, the tool is only called when a model names it."""
    first_call: Callable[[Question], FirstCall | None] = _no_call
    """None if the question is not specific enough; always None for a computation, whose program a model writes."""
    files: frozenset[FileKind] = frozenset()
    """The kinds of files that it works on. A search or reading with kinds is useless without such a file."""
    activity: str = ""
    """What a person reads before the input when it is called, such as "Searching the web"; empty: the tool's name."""
    aliases: tuple[str, ...] = ()
    """Names by which models were trained to call such a tool."""

    def has_files(self, files: Files) -> bool:
        """Whether there is something for it to work on, if it only works on files."""
        return not (self.kind in LOOK_UPS and self.files) or files.has(self.files)

    def can_begin(self, question: Question) -> bool:
        """Whether it can be called with an input derived from the question."""
        return self.has_files(question.files) and not (self.kind in LOOK_UPS and self.first_call(question) is None)


Purposes = Mapping[str, Purpose]
"""By tool name."""
