"""A call that a model wrote into its words instead of making it: small models do, whatever tools they were given."""

import re
from collections.abc import Mapping, Sequence

from langchain_core.tools import BaseTool

from nodes import history
from nodes.calls import as_input, guessed, mended, resolve
from nodes.protocol import CODE_TOOL, is_labelled, parse
from nodes.state import Action, Step
from tools.coding.fences import FENCE, PYTHON
from tools.coding.observing import SILENT

CODE_BEGINS = re.compile(r"^[ \t]*(?:```|`{1,2}\Z)", re.MULTILINE)
"""Where a fenced block begins, or may begin at the end of what has come so far."""


def may_be_a_call(steps: Sequence[Step]) -> bool:
    """Whether code in a reply should be run: before any step has worked, what it would print can only be made up."""
    return not any(step["error"] is None for step in steps)


def written_call(text: str, tools: Mapping[str, BaseTool], steps: Sequence[Step]) -> Action | None:
    """A step in the words of the text protocol; else, where code may be a call, one in a fence: as JSON, or a program.

    None when the same was run before and printed nothing: then the model means to show it.
    """
    if is_labelled(text) and (reply := parse(text)).tool is not None:
        return Action(thought=reply.thought, tool=resolve(reply.tool, tools), input=reply.input)
    action = _in_a_fence(text, tools) if may_be_a_call(steps) else None
    if action is None or (same := history.same_step(steps, action["tool"], action["input"])) is None:
        return action
    return None if same["observation"] == SILENT else action


def _in_a_fence(text: str, tools: Mapping[str, BaseTool]) -> Action | None:
    blocks = list(FENCE.finditer(text))
    thought = text[: blocks[0].start()].strip() if blocks else ""
    for block in blocks:
        if '"name"' not in block.group(2) or (call := guessed(block.group(2), tools)) is None:
            continue
        tool = tools.get(resolve(call.name, tools))
        if tool is not None and (arguments := mended(tool, call.arguments)) is not None:
            return Action(thought=thought, tool=tool.name, input=as_input(tool, arguments))
    programs = [block.group(2).strip("\n") for block in blocks if block.group(1).lower() in PYTHON]
    program = max(programs, key=len, default="")
    if CODE_TOOL not in tools or not program.strip():
        return None
    return Action(thought=thought, tool=CODE_TOOL, input=program)
