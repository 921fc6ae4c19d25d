"""The text protocol: parses the model's reply as a step.

`Thought:` / `Action:` / `Action Input:`, or `Final Answer:`, or `Need:`. The parser tolerates case, spacing, Markdown
around the labels, aliases, an unclosed fence, code without an action, and text after the action. It never raises and
never loses text.
"""

import json
import re
from dataclasses import dataclass

from tools.coding.fences import FENCE, PYTHON

LABELS = {
    "thought": r"thought|thinking|reasoning",
    "action": r"action|tool",
    "input": r"action[ _]?input|tool[ _]?input|input|arguments",
    "final": r"final[ _]?answer|answer",
    "need": r"need|missing",
    "observation": r"observation",
}
LABEL = re.compile(
    r"^[ \t>*_#-]*(?:" + "|".join(f"(?P<{name}>{words})" for name, words in LABELS.items()) + r")[ \t*_]*:[*_]*",
    re.IGNORECASE | re.MULTILINE,
)
_NEEDS = re.compile(r"\s*need:\s*(.*)", re.IGNORECASE | re.DOTALL)
"""A final answer that is not an answer but names a need."""
_INLINE_FENCE = re.compile(r"```(?:python|py)?\s*(.+?)```", re.DOTALL)
CODE_KEYS = ("code", "input", "program", "python")
NEED = "need:"


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
    marks = [m for m in LABEL.finditer(text) if not any(start < m.start() < end for start, end in fences)]
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
