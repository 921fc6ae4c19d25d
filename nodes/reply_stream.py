"""Splits a reply while it comes: thoughts leave as thoughts, the final answer as answer from its first token."""

import re
from dataclasses import dataclass

_FINAL = re.compile(r"^[ \t>*_#-]*final[ _]?answer[ \t*_]*:[*_]*[ \t]*", re.IGNORECASE | re.MULTILINE)
_ACTION = re.compile(r"^[ \t>*_#-]*(?:action|tool)(?:[ _]?input)?[ \t*_]*:", re.IGNORECASE)
NEED = "need:"
_DECORATION = str.maketrans("", "", " \t>*_#-:")


@dataclass(frozen=True, slots=True)
class Split:
    """What may leave now."""

    thought: str = ""
    answer: str = ""


class ReplySplitter:
    """Feed it the text as it comes; it holds back only a line that may yet become `Final Answer:`.

    Inside a fence of code nothing is taken for the label, nor after an action: what a model calls its answer before
    it has seen the outcome is made up.
    """

    def __init__(self) -> None:
        self._line = ""
        self._sent = 0
        self._fenced = False
        self._acted = False
        self._opening: str | None = None
        """The answer's first letters, as long as they may be those of `Need:`, which is no answer."""
        self._needs = False
        self.in_answer = False

    def feed(self, text: str) -> Split:
        if self.in_answer:
            return self._answered(text)
        *complete, last = (self._line + text).split("\n")
        thought = ""
        for at, line in enumerate(complete):
            if mark := self._answer_begins(line):
                rest = "\n".join([line[mark.end() :], *complete[at + 1 :], last])
                return self._answer(thought, rest.lstrip())
            thought += line[self._sent :] + "\n"
            self._sent = 0
            if line.lstrip().startswith("```"):
                self._fenced = not self._fenced
                self._acted = True
            elif _ACTION.match(line):
                self._acted = True
        self._line = last
        mark = self._answer_begins(last)
        if mark and last[mark.end() :]:
            return self._answer(thought, last[mark.end() :])
        if self._fenced or self._acted or not _may_become_label(last):
            thought += last[self._sent :]
            self._sent = len(last)
        return Split(thought=thought)

    def flush(self) -> Split:
        """What was held back, when the reply has ended."""
        held, self._line = self._line[self._sent :], ""
        self._sent = 0
        opening, self._opening = self._opening or "", None
        return Split(thought=held, answer=opening)

    def _answer_begins(self, line: str) -> re.Match[str] | None:
        return None if self._fenced or self._acted else _FINAL.match(line)

    def _answer(self, thought: str, answer: str) -> Split:
        self.in_answer = True
        self._line = self._opening = ""
        begun = self._answered(answer)
        return Split(thought=thought + begun.thought, answer=begun.answer)

    def _answered(self, text: str) -> Split:
        if self._opening is not None:
            self._opening += text
            begun = self._opening.lstrip().lower()
            if NEED.startswith(begun):
                return Split()
            text, self._opening = self._opening, None
            self._needs = begun.startswith(NEED)
        return Split(thought=text) if self._needs else Split(answer=text)


def _may_become_label(line: str) -> bool:
    return "finalanswer".startswith(line.lower().translate(_DECORATION))
