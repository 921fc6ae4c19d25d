"""A task in words → a program that has run: `write → check → run`, and `mend → check → run` while it fails.

Each prompt holds just what it needs: a program is mended from the task, the program and what happened, not from
the story of all attempts.
"""

import operator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from tools.coding.fences import program_in
from tools.coding.prompt_context import files_at_hand, variables_at_hand
from tools.coding.recipes import recipes
from tools.coding.runner import Attempt, Runner
from tools.kit import ToolKit
from tools.temperature import temperature_of

FRESH_TEMPERATURE = 0.7
"""How a program is drawn again that came out the same as one that failed."""


class CodeState(TypedDict, total=False):
    """What the steps hand on."""

    task: str
    names: list[str]
    """Files that the task is about; all of the session's when empty."""
    code: str
    attempts: Annotated[list[Attempt], operator.add]


@dataclass(frozen=True, slots=True)
class CodeContext:
    """Given to a run. `tries` counts the programs, the first included."""

    model: BaseChatModel
    runner: Runner
    tries: int
    max_tokens: int = 800
    """Length of one program."""


async def write(state: CodeState, runtime: Runtime[CodeContext]) -> CodeState:
    """The first program. Raises `ToolFailed` for a file that is not there."""
    kit = runtime.context.runner.kit
    return {"code": await _ask(runtime, "write", *await _setting(kit, state), f"Task: {state['task']}")}


async def check(state: CodeState, runtime: Runtime[CodeContext]) -> CodeState:
    """A program that cannot work here is not run, and one that failed is not run again."""
    code, why = await runtime.context.runner.check(state["code"])
    if why is None and (same := next((a for a in state["attempts"] if a["code"] == code), None)) is not None:
        why = f"This program was run before, with this result:\n{same['output']}"
    if why is None:
        return {"code": code}
    return {"code": code, "attempts": [Attempt(code=code, output=why, error="refused", files=[])]}


async def run(state: CodeState, runtime: Runtime[CodeContext]) -> CodeState:
    """Run it."""
    return {"attempts": [await runtime.context.runner.run(state["code"])]}


async def mend(state: CodeState, runtime: Runtime[CodeContext]) -> CodeState:
    """The corrected program; asked for once more, warmer, when nothing was corrected."""
    kit, last = runtime.context.runner.kit, state["attempts"][-1]
    parts = (
        *await _setting(kit, state),
        f"Task: {state['task']}",
        f"Program:\n```python\n{last['code']}\n```",
        f"What happened:\n{last['output']}",
    )
    code = await _ask(runtime, "mend", *parts)
    if any(attempt["code"] == code for attempt in state["attempts"]):
        code = await _ask(runtime, "mend", *parts, temperature=FRESH_TEMPERATURE)
    return {"code": code}


async def _setting(kit: ToolKit, state: CodeState) -> tuple[str, ...]:
    files = await files_at_hand(kit, state["names"])
    return files, await variables_at_hand(kit.workspace), recipes(state["task"])


def after_check(state: CodeState, runtime: Runtime[CodeContext]) -> Literal["run", "mend", "__end__"]:
    refused = state["attempts"] and state["attempts"][-1]["code"] == state["code"]
    return after_run(state, runtime) if refused else "run"


def after_run(state: CodeState, runtime: Runtime[CodeContext]) -> Literal["mend", "__end__"]:
    done = state["attempts"][-1]["error"] is None or len(state["attempts"]) >= runtime.context.tries
    return "__end__" if done else "mend"


async def _ask(runtime: Runtime[CodeContext], prompt: str, *parts: str, temperature: float | None = None) -> str:
    model = runtime.context.model
    said = await model.ainvoke(
        [SystemMessage(_prompt(prompt)), HumanMessage("\n\n".join(part for part in parts if part))],
        max_tokens=runtime.context.max_tokens,
        temperature=temperature_of(model) if temperature is None else temperature,
    )
    return program_in(said.text)


@cache
def _prompt(name: str) -> str:
    return (Path(__file__).parent / "prompts" / f"{name}.md").read_text("utf-8").strip()


@cache
def coder() -> CompiledStateGraph[CodeState, CodeContext, CodeState, CodeState]:
    """The graph, compiled once."""
    graph = StateGraph(CodeState, context_schema=CodeContext)
    for name, node in (("write", write), ("check", check), ("run", run), ("mend", mend)):
        graph.add_node(name, node)
    graph.add_edge(START, "write")
    graph.add_edge("write", "check")
    graph.add_edge("mend", "check")
    graph.add_conditional_edges("check", after_check)
    graph.add_conditional_edges("run", after_run)
    return graph.compile(checkpointer=False)


async def work_out(task: str, names: list[str], context: CodeContext) -> list[Attempt]:
    """All attempts at the task, in order; the last one is the result. Raises `ToolFailed` and what the model raises."""
    start = CodeState(task=task, names=names, attempts=[])
    done = await coder().ainvoke(start, {"recursion_limit": 4 * context.tries + 4}, context=context)
    attempts: list[Attempt] = done["attempts"]
    return attempts
