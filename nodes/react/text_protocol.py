"""The text protocol: parses the model's reply as a step.

`Thought:` / `Action:` / `Action Input:`, or `Final Answer:`, or `Need:`. The parser tolerates case, spacing, Markdown
around the labels, aliases, an unclosed fence, code without an action, and text after the action. It never raises and
never loses text.
"""

import json
import re
from dataclasses import dataclass

from langgraph.runtime import Runtime

from nodes.events import ThoughtDelta
from nodes.model.answer_writer import AnswerWriter
from nodes.state import Context
from tools.coding.fences import FENCE, PYTHON

LABELS = {
    "thought": r"thought|thinking|reasoning",
    "action": r"action|tool",
    "input": r"action[ _]?input|tool[ _]?input|input|arguments",
    "final": r"final[ _]?answer|answer",
    "need": r"need|missing",
    "observation": r"observation",
}
_LABEL = re.compile(
    r"^[ \t>*_#-]*(?:" + "|".join(f"(?P<{name}>{words})" for name, words in LABELS.items()) + r")[ \t*_]*:[*_]*",
    re.IGNORECASE | re.MULTILINE,
)
_NEEDS = re.compile(r"\s*need:\s*(.*)", re.IGNORECASE | re.DOTALL)
"""A final answer that is not an answer but names a need."""
_INLINE_FENCE = re.compile(r"```(?:python|py)?\s*(.+?)```", re.DOTALL)
CODE_KEYS = ("code", "input", "program", "python")
_FINAL = re.compile(r"^[ \t>*_#-]*final[ _]?answer[ \t*_]*:[*_]*[ \t]*", re.IGNORECASE | re.MULTILINE)
_ACTION = re.compile(r"^[ \t>*_#-]*(?:action|tool)(?:[ _]?input)?[ \t*_]*:", re.IGNORECASE)
NEED = "need:"
_DECORATION = str.maketrans("", "", " \t>*_#-:")


@dataclass(frozen=True, slots=True)
class Reply:
    """A parsed reply. At most one of `tool`, `final` and `need` is set; if none is, the text is plain talk."""

    thought: str = ""
    tool: str | None = None
    input: str = ""
    final: str | None = None
    need: str | None = None
    labelled: bool = False
    """The text contains the word "action": plain talk may have a line `Input: …` and a program."""


def parse(text: str, program_tool: str | None = None) -> Reply:
    """Parse one reply. An action takes precedence over a final answer, because an answer after it is invented.

    `program_tool` is the tool that runs a program without an action; None: such a program is plain talk.
    """
    sections = _sections(text)
    thought = sections.get("thought") or sections.get("", "")
    if "action" in sections or "input" in sections:
        return _action(text, thought, sections, program_tool)
    if "final" in sections:
        if needs := _NEEDS.match(sections["final"]):
            return Reply(thought=thought, need=needs.group(1).strip())
        return Reply(thought=thought, final=sections["final"])
    if "need" in sections:
        return Reply(thought=thought, need=sections["need"])
    fenced = FENCE.search(text)
    if program_tool is not None and fenced and fenced.group(1).lower() in PYTHON:
        return Reply(
            thought=thought[: max(0, thought.find("```"))].strip(),
            tool=program_tool,
            input=fenced.group(2).strip(),
        )
    return Reply(thought=thought)


def _action(text: str, thought: str, sections: dict[str, str], program_tool: str | None) -> Reply:
    tool = sections.get("action", "").split("\n")[0].strip(" `*\"'[]().") or program_tool
    if tool is None:
        return Reply(thought=text.strip())
    raw = sections.get("input")
    if raw is None:  # the label is missing: what follows the tool's name is the input
        raw = sections.get("action", "").partition("\n")[2]
    if not raw.strip() and (fenced := FENCE.search(text)):
        raw = fenced.group(0)
    called = re.fullmatch(r"([\w-]+)\((.*)\)", tool, re.DOTALL)
    if called and not raw.strip():
        tool, raw = called.group(1), called.group(2)
    return Reply(thought=thought, tool=tool, input=clean_input(raw), labelled="action" in text.lower())


def clean_input(raw: str) -> str:
    """The code or text of an action input, without a fence or a JSON object that only wraps it."""
    fenced = FENCE.search(raw) or None
    if fenced:
        return fenced.group(2).strip("\n")
    if inline := _INLINE_FENCE.search(raw):
        return inline.group(1).strip()
    text = raw.strip()
    if text.startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        for key in CODE_KEYS:
            if isinstance(value, dict) and isinstance(value.get(key), str):
                return str(value[key])
    return text


def _sections(text: str) -> dict[str, str]:
    """The first text under each label, up to an observation that the model invented; `""` is the text before all
    labels.
    """
    sections: dict[str, str] = {}
    fences = [match.span() for match in FENCE.finditer(text)]
    marks = [m for m in _LABEL.finditer(text) if not any(start < m.start() < end for start, end in fences)]
    sections[""] = text[: marks[0].start()].strip() if marks else text.strip()
    for mark, following in zip(marks, [*marks[1:], None][: len(marks)], strict=True):
        name = mark.lastgroup or ""
        if name == "observation":
            break
        body = text[mark.end() : following.start() if following else len(text)].strip()
        if name in sections and name != "":
            break  # a second round, invented without an observation
        sections[name] = body
    return sections


@dataclass(frozen=True, slots=True)
class Split:
    """The parts that can be sent now."""

    thought: str = ""
    answer: str = ""


class ReplySplitter:
    """Call it with the text as it comes; it holds back only a line that may become `Final Answer:`.

    The label is ignored inside a code fence and after an action: an answer before the outcome is invented.
    """

    def __init__(self) -> None:
        self._line = ""
        self._sent = 0
        self._fenced = False
        self._acted = False
        self._opening: str | None = None
        """The answer's first letters, while they may still be those of `Need:`, which is not an answer."""
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


class ReplyWriter:
    """Sends a reply: its thoughts at once, its answer at once or, if it `holds` it, at `release`."""

    def __init__(self, runtime: Runtime[Context], *, holds: bool) -> None:
        self.answer = AnswerWriter(runtime)
        self._emit = runtime.stream_writer
        self._holds = holds
        self._held: list[str] = []
        self._splitter = ReplySplitter()

    def write(self, text: str) -> None:
        """A piece of the reply."""
        self._send(self._splitter.feed(text))

    def close(self) -> None:
        """The reply has ended."""
        self._send(self._splitter.flush())
        if not self._splitter.in_answer:
            self._emit(ThoughtDelta("\n"))

    def release(self) -> None:
        """The held text is the answer."""
        for piece in self._held:
            self.answer.write(piece)

    def _send(self, split: Split) -> None:
        if split.thought:
            self._emit(ThoughtDelta(split.thought))
        if split.answer and self._holds:
            self._held.append(split.answer)
        elif split.answer:
            self.answer.write(split.answer)
