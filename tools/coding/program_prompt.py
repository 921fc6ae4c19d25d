"""Prompts for writing and fixing programs, shared by the agent's steps and tasks."""

from collections.abc import Iterable
from pathlib import Path

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.tools import BaseTool

from tools.coding.fences import fenced
from tools.coding.recipes import recipes
from tools.prompts import render_prompt

STOP = ("\nObservation:",)
"""End of a reply: what a model writes after its action is invented."""
PROMPTS = Path(__file__).parent / "prompts"


def write_program(
    tool: BaseTool, question: str, at_hand: Iterable[str], so_far: Iterable[str] = (), *, may_answer: bool
) -> list[BaseMessage]:
    """Ask for the program that `tool` will run.

    Args:
        at_hand: what the program may use, in paragraphs: earlier turns, files, variables.
        so_far: results of earlier programs, and what is still missing, in paragraphs.
        may_answer: whether the model may reply with a final answer instead.
    """
    system = render_prompt(
        PROMPTS, "write_program", tool=tool.name, description=tool.description, may_answer=may_answer
    )
    return _messages(system, *at_hand, recipes(question), f"Question: {question}", *so_far)


def mend_program(
    tool: BaseTool, question: str, at_hand: Iterable[str], program: str, happened: str
) -> list[BaseMessage]:
    """Ask for the fixed program. `happened` is the observation of the failed one."""
    task = (f"Task: {question}", f"Program:\n{fenced(program)}", f"What happened:\n{happened}")
    return _messages(render_prompt(PROMPTS, "mend_program", tool=tool.name), *at_hand, recipes(question), *task)


def _messages(system: str, *parts: str) -> list[BaseMessage]:
    return [SystemMessage(system), HumanMessage("\n\n".join(part for part in parts if part))]
