"""`plan` and `replan`: divide a question into steps that the ReAct loop can execute."""

import re
from collections.abc import Iterable
from typing import Literal

from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime

from nodes.events import PlanChanged, ThoughtDelta
from nodes.model import conversation
from nodes.model.ask import ask, bounded
from nodes.prompts import render
from nodes.react.choose_tool import files_at_hand
from nodes.state import AgentState, Context, PlanStep
from tools.agent_tool import purposes_of
from tools.purpose import Purposes
from tools.question import TABLES

MAX_STEPS = 6
_LINE = re.compile(r"^[ \t>*_-]*(?:step[ \t]*)?(\d{1,2})[.):\]][ \t*_]*(.+)$", re.IGNORECASE | re.MULTILINE)
_NUMBERS = r"((?:#?\d{1,2}(?:\s*(?:,|and|&)\s*)?)+)"
_NEEDS = re.compile(rf"[\[(]?\s*\b(?:needs|uses|after|depends on)\s*:?\s*(?:steps?\s*)?{_NUMBERS}[\])]?", re.IGNORECASE)
_DONE = re.compile(r"[\[(]?\s*\bdone(?: when)?\s*:\s*([^\])]+)[\])]?", re.IGNORECASE)
_TOOL = re.compile(r"[\[(]\s*(?:tool\s*:\s*)?([a-z][a-z0-9_]{2,40})\s*[\])]", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,2}")
_QUOTED = re.compile(r"\"([^\"]{1,2000})\"|“([^”]{1,2000})”|(?<!\w)'([^'\n]{1,200})'(?!\w)")
_TABLE = rf"\.(?:{'|'.join(TABLES)})"
_LOADS = re.compile(
    r"(?:please )?(?:read|load|open|import)(?: in)?"
    r"(?: (?:the|a|all|csv|excel|json|data|dataset|files?|table|contents?|from|of|in|into|and|pandas|dataframe|memory"
    rf"|[\w.-]{{1,100}}{_TABLE}|['\"`][\w. -]{{1,100}}{_TABLE}['\"`]))+",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"\b(?:results?|outputs?|values?|answers?) (?:of|from) steps? (\d{1,2})(?:(?:,| and) (\d{1,2}))?", re.IGNORECASE
)


def read_plan(text: str, purposes: Purposes, first: int = 1) -> list[PlanStep]:
    """The steps in order, numbered from `first`; a step can only need earlier ones. Empty if there is no plan.

    Steps that only load a table are dropped: every step loads the tables it needs.
    """
    known = {name.lower(): name for name in purposes}
    steps: list[PlanStep] = []
    numbers: dict[int, int] = {}
    for mark in _LINE.finditer(text):
        if len(steps) == MAX_STEPS:
            break
        step = _step(first + len(steps), mark.group(2), numbers, known)
        if step["goal"] and not _only_loads(step, purposes):
            numbers[int(mark.group(1))] = step["id"]
            steps.append(step)
    return steps


def _step(number: int, line: str, numbers: dict[int, int], known: dict[str, str]) -> PlanStep:
    needs: set[int] = set()
    for found in _NEEDS.finditer(line):
        needs |= {numbers[int(n)] for n in _NUMBER.findall(found.group(1)) if int(n) in numbers}
    line = _NEEDS.sub(" ", line)
    for found in _REFERENCE.finditer(line):
        needs |= {numbers[int(n)] for n in found.groups() if n and int(n) in numbers}
    done = _DONE.search(line)
    line = _DONE.sub(" ", line)
    tool = next((known[name.lower()] for name in _TOOL.findall(line) if name.lower() in known), None)
    line = _TOOL.sub(lambda m: " " if m.group(1).lower() in known else m.group(0), line)
    return PlanStep(
        id=number,
        goal=" ".join(line.split()).strip(" -–:;|*_"),
        tool=tool,
        done_when=" ".join(done.group(1).split()) if done else "",
        needs=sorted(needs),
        status="pending",
        result="",
        error=None,
    )


def _only_loads(step: PlanStep, purposes: Purposes) -> bool:
    tool = step["tool"]
    return (tool is None or "tables" in purposes[tool].files) and _LOADS.fullmatch(step["goal"]) is not None


def ready(plan: Iterable[PlanStep]) -> list[PlanStep]:
    """Steps that no longer wait for others."""
    steps = list(plan)
    done = {step["id"] for step in steps if step["status"] == "done"}
    return [step for step in steps if step["status"] == "pending" and done.issuperset(step["needs"])]


def quoted(question: str) -> list[str]:
    """The texts in quotation marks, in order, without duplicates."""
    return list(dict.fromkeys(next(filter(None, found)) for found in _QUOTED.findall(question)))


def told(plan: Iterable[PlanStep]) -> str:
    """The plan for a model: each step with its status and result."""
    lines = []
    for step in plan:
        lines.append(f"{step['id']}. {step['goal']} ({step['status']})")
        if step["result"]:
            lines.append(f"   Result: {step['result']}")
        if step["error"]:
            lines.append(f"   What went wrong: {step['error']}")
    return "\n".join(lines)


async def plan(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `plan`; if the model cannot divide the question, the plan has one step."""
    question = conversation.question(state)
    parts = [conversation.earlier(state, runtime.context), await _files(runtime), f"Question: {question}"]
    steps = await _asked("plan/plan", parts, state, runtime, first=1)
    if not steps:
        steps = read_plan(f"1. {' '.join(question.split())}", {})
    runtime.stream_writer(PlanChanged(steps))
    return {"plan": steps, "replans": 0}


async def replan(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `plan`: completed steps stay; failed ones and those that waited for them are replanned with their errors."""
    old = state["plan"]
    parts = [await _files(runtime), f"Question: {conversation.question(state)}", f"So far:\n{told(old)}"]
    new = await _asked("plan/replan", parts, state, runtime, first=max(step["id"] for step in old) + 1)
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
    system = conversation.instructed(render(prompt, tools=tools), state, runtime.context)
    messages = [system, HumanMessage("\n\n".join(p for p in parts if p))]
    said = await ask(runtime, messages, bounded(runtime), lambda _: None)
    steps = read_plan(said.text, purposes_of(runtime.context.tools), first)
    goals = "".join(f"{step['id']}. {step['goal']}\n" for step in steps)
    runtime.stream_writer(ThoughtDelta(f"{goals}\n"))
    return steps


async def _files(runtime: Runtime[Context]) -> str:
    names = (await files_at_hand(runtime)).all
    return f"Files: {', '.join(names[:30])}" if names else ""
