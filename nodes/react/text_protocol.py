"""The text protocol: what the model wrote, read as a step.

`Thought:` / `Action:` / `Action Input:`, or `Final Answer:`, or `Need:`. The reader forgives case, spacing,
Markdown around the labels, aliases, an unclosed fence, code without an action, and text after the action.
It never raises and never loses what the model said.
"""

import json
import re
from dataclasses import dataclass

from tools.coding.fences import FENCE, PYTHON
from tools.names import PYTHON_CODER

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
"""A final answer that is none."""
_INLINE_FENCE = re.compile(r"```(?:python|py)?\s*(.+?)```", re.DOTALL)
CODE_KEYS = ("code", "input", "program", "python")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply taken apart. At most one of `tool`, `final` and `need` is set; none: the text is plain talk."""

    thought: str = ""
    tool: str | None = None
    input: str = ""
    final: str | None = None
    need: str | None = None
    labelled: bool = False
    """The word "action" stands in it: plain talk may well have a line `Input: …`, and a program."""


def parse(text: str) -> Reply:
    """Read one reply. An action counts before a final answer: the answer after it was made up."""
    sections = _sections(text)
    thought = sections.get("thought") or sections.get("", "")
    if "action" in sections or "input" in sections:
        return _action(text, thought, sections)
    if "final" in sections:
        if needs := _NEEDS.match(sections["final"]):
            return Reply(thought=thought, need=needs.group(1).strip())
        return Reply(thought=thought, final=sections["final"])
    if "need" in sections:
        return Reply(thought=thought, need=sections["need"])
    fenced = FENCE.search(text)
    if fenced and fenced.group(1).lower() in PYTHON:
        return Reply(
            thought=thought[: max(0, thought.find("```"))].strip(),
            tool=PYTHON_CODER,
            input=fenced.group(2).strip(),
        )
    return Reply(thought=thought)


def _action(text: str, thought: str, sections: dict[str, str]) -> Reply:
    tool = sections.get("action", "").split("\n")[0].strip(" `*\"'[]().") or PYTHON_CODER
    raw = sections.get("input")
    if raw is None:  # the label was left out: what follows the tool's name is the input
        raw = sections.get("action", "").partition("\n")[2]
    if not raw.strip() and (fenced := FENCE.search(text)):
        raw = fenced.group(0)
    called = re.fullmatch(r"([\w-]+)\((.*)\)", tool, re.DOTALL)
    if called and not raw.strip():
        tool, raw = called.group(1), called.group(2)
    return Reply(thought=thought, tool=tool, input=clean_input(raw), labelled="action" in text.lower())


def clean_input(raw: str) -> str:
    """The code or text of an action input: out of its fence, or out of a JSON object that only wraps it."""
    fenced = FENCE.search(raw) or None
    if fenced:
        return fenced.group(2).strip("\n")
    if inline := _INLINE_FENCE.search(raw):
        return inline.group(1).strip()
    text = raw.strip()
    if text.startswith("{"):
        try:
            value = json.loads(text)
        except ValueError:
            return text
        for key in CODE_KEYS:
            if isinstance(value, dict) and isinstance(value.get(key), str):
                return str(value[key])
    return text


def _sections(text: str) -> dict[str, str]:
    """The first text under each label, up to an observation that the model made up; `""` is what precedes all."""
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
            break  # a second round, made up without an observation
        sections[name] = body
    return sections
