"""A call that a model wrote into its words instead of making it: small models do, whatever tools they were given."""

import re
from collections.abc import Mapping, Sequence

from langchain_core.tools import BaseTool

from nodes import history
from nodes.calls import as_input, guessed, mended, resolve
from nodes.protocol import parse
from nodes.state import Action, Step
from tools.coding.fences import FENCE, PYTHON
from tools.coding.observing import SILENT
from tools.names import PYTHON_CODER

CODE_BEGINS = re.compile(r'^[ \t]*(?:```|`{1,2}\Z|\{\s*(?:"|\Z))', re.MULTILINE)
"""Where a fenced block or a JSON object begins, or may begin at the end of what has come so far."""
_BARE = re.compile(r'^[ \t]*(?=\{\s*"name"\s*:)', re.MULTILINE)


def may_be_a_call(steps: Sequence[Step]) -> bool:
    """Whether code in a reply should be run: before any step has worked, what it would print can only be made up."""
    return not any(step["error"] is None for step in steps)


def written_call(text: str, tools: Mapping[str, BaseTool], steps: Sequence[Step]) -> Action | None:
    """A step in the words of the text protocol; else, where code may be a call, one as JSON, or a program in a fence.

    None when the same was run before and printed nothing: then the model means to show it.
    """
    reply = parse(text)
    if reply.labelled and reply.tool is not None:
        return Action(thought=reply.thought, tool=resolve(reply.tool, tools), input=reply.input)
    action = _as_code(text, tools) if may_be_a_call(steps) else None
    if action is None or (same := history.same_step(steps, action["tool"], action["input"])) is None:
        return action
    return None if same["observation"] == SILENT else action


def _as_code(text: str, tools: Mapping[str, BaseTool]) -> Action | None:
    blocks = list(FENCE.finditer(text))
    for start, code in [*((block.start(), block.group(2)) for block in blocks), *_bare(text)]:
        call = guessed(code, tools) if '"name"' in code else None
        tool = tools.get(resolve(call.name, tools)) if call is not None else None
        if call is not None and tool is not None and (arguments := mended(tool, call.arguments)) is not None:
            return Action(thought=_thought(text[:start]), tool=tool.name, input=as_input(tool, arguments))
    programs = [block for block in blocks if block.group(1).lower() in PYTHON and block.group(2).strip()]
    if PYTHON_CODER not in tools or not programs:
        return None
    program = max(programs, key=lambda block: len(block.group(2)))
    return Action(thought=_thought(text[: blocks[0].start()]), tool=PYTHON_CODER, input=program.group(2).strip("\n"))


def _bare(text: str) -> list[tuple[int, str]]:
    """The first object that looks like a call and stands in no fence."""
    found = _BARE.search(text)
    return [(found.start(), text[found.end() :])] if found else []


def _thought(words: str) -> str:
    """Without "Here is the program:" at their end: a model that reads this again ends after it."""
    words = words.rstrip()
    if not words.endswith(":"):
        return words.lstrip()
    return words[: max(words.rfind(mark) for mark in ".!?\n") + 1].strip()
