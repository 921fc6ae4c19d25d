"""`plan` and `replan`: what to do, in steps that the ReAct loop can work out one by one."""

from typing import Literal

from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime

from nodes import history
from nodes.asking import ask, bounded
from nodes.choosing import files_at_hand
from nodes.events import PlanChanged, ThoughtDelta
from nodes.plan_text import read_plan, told
from nodes.prompts import render
from nodes.state import AgentState, Context, PlanStep, Update


async def plan(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `plan`; a question that the model cannot divide has a plan of one step."""
    question = history.question(state)
    parts = [history.earlier(state), await _files(runtime), f"Question: {question}"]
    steps = await _asked("plan", parts, state, runtime, first=1)
    if not steps:
        steps = read_plan(f"1. {' '.join(question.split())}", ())
    runtime.stream_writer(PlanChanged(steps))
    return {"plan": steps, "replans": 0}


async def replan(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `plan`: what is done stays, what failed or waited for it is planned anew with what went wrong."""
    old = state["plan"]
    parts = [await _files(runtime), f"Question: {history.question(state)}", f"So far:\n{told(old)}"]
    new = await _asked("replan", parts, state, runtime, first=max(step["id"] for step in old) + 1)
    done = [step["id"] for step in old if step["status"] == "done"]
    steps = [step if step["status"] == "done" else _as(step, "dropped") for step in old]
    steps += [_needing(step, done) for step in new]
    runtime.stream_writer(PlanChanged(steps))
    return {"plan": steps, "replans": state.get("replans", 0) + 1}


def _as(step: PlanStep, status: Literal["dropped"]) -> PlanStep:
    copy = step.copy()
    copy["status"] = status
    return copy


def _needing(step: PlanStep, done: list[int]) -> PlanStep:
    copy = step.copy()
    copy["needs"] = [*done, *step["needs"]]
    return copy


async def _asked(
    prompt: str, parts: list[str], state: AgentState, runtime: Runtime[Context], *, first: int
) -> list[PlanStep]:
    tools = "\n".join(f"- {tool.name}: {tool.description}" for tool in runtime.context.tools.values())
    system = history.instructed(render(prompt, tools=tools), state, runtime.context)
    messages = [system, HumanMessage("\n\n".join(p for p in parts if p))]
    said = await ask(runtime, messages, bounded(runtime), lambda text: runtime.stream_writer(ThoughtDelta(text)))
    runtime.stream_writer(ThoughtDelta("\n"))
    return read_plan(said.text, runtime.context.tools, first)


async def _files(runtime: Runtime[Context]) -> str:
    names = (await files_at_hand(runtime)).all
    return f"Files: {', '.join(names[:30])}" if names else ""
