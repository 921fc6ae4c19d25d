"""Turns a task into a program that has run: `write → check → run`, and `mend → check → run` while it fails.

Each prompt has just what it needs: a program is fixed from the task, the program and its result, not from the history
of all attempts.
"""

import operator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from tools.coding.fences import program_in
from tools.coding.program_prompt import STOP, mend_program, write_program
from tools.coding.prompt_context import files_at_hand, variables_at_hand
from tools.coding.runner import Attempt, Runner
from tools.kit import ToolKit
from tools.temperature import temperature_of

FRESH_TEMPERATURE = 0.7
"""Used to regenerate a program that is identical to a failed one."""


class CodeState(TypedDict, total=False):
    """The state passed between the steps."""

    task: str
    names: list[str]
    """Files that the task is about; empty: all files of the session."""
    code: str
    attempts: Annotated[list[Attempt], operator.add]


@dataclass(frozen=True, slots=True)
class CodeContext:
    """The context of a run. `tool` is what the programs are for; `tries` counts them, including the first."""

    tool: BaseTool
    model: BaseChatModel
    runner: Runner
    tries: int
    max_tokens: int = 800
    """Maximum length of a program."""


async def write(state: CodeState, runtime: Runtime[CodeContext]) -> CodeState:
    """Write the first program. Raises `ToolFailed` for a missing file."""
    context = runtime.context
    at_hand = await _at_hand(context.runner.kit, state)
    return {"code": await _ask(runtime, write_program(context.tool, state["task"], at_hand, may_answer=False))}


async def check(state: CodeState, runtime: Runtime[CodeContext]) -> CodeState:
    """A program that cannot work here is not run, and a failed one is not run again."""
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
    """The fixed program; if nothing was changed, requested once more at a higher temperature."""
    context, last = runtime.context, state["attempts"][-1]
    at_hand = await _at_hand(context.runner.kit, state)
    prompt = mend_program(context.tool, state["task"], at_hand, last["code"], last["output"])
    code = await _ask(runtime, prompt)
    if any(attempt["code"] == code for attempt in state["attempts"]):
        code = await _ask(runtime, prompt, temperature=FRESH_TEMPERATURE)
    return {"code": code}


async def _at_hand(kit: ToolKit, state: CodeState) -> tuple[str, ...]:
    files = await files_at_hand(kit, state["names"])
    return files, await variables_at_hand(kit.workspace)


def after_check(state: CodeState, runtime: Runtime[CodeContext]) -> Literal["run", "mend", "__end__"]:
    refused = state["attempts"] and state["attempts"][-1]["code"] == state["code"]
    return after_run(state, runtime) if refused else "run"


def after_run(state: CodeState, runtime: Runtime[CodeContext]) -> Literal["mend", "__end__"]:
    done = state["attempts"][-1]["error"] is None or len(state["attempts"]) >= runtime.context.tries
    return "__end__" if done else "mend"


async def _ask(runtime: Runtime[CodeContext], prompt: list[BaseMessage], *, temperature: float | None = None) -> str:
    model = runtime.context.model
    said = await model.ainvoke(
        prompt,
        stop=list(STOP),
        max_tokens=runtime.context.max_tokens,
        temperature=temperature_of(model) if temperature is None else temperature,
    )
    return program_in(said.text)


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
    """All attempts at the task, in order; the last one is the result. Raises `ToolFailed` and the model's errors."""
    start = CodeState(task=task, names=names, attempts=[])
    done = await coder().ainvoke(start, {"recursion_limit": 4 * context.tries + 4}, context=context)
    attempts: list[Attempt] = done["attempts"]
    return attempts
