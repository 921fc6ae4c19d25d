"""`work`: one step of a plan, worked out by the ReAct subgraph in a conversation of its own."""

from dataclasses import replace
from typing import Any, Protocol

from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from nodes import history
from nodes.events import PlanChanged
from nodes.plan_text import quoted, ready
from nodes.state import Context, Finding, PlanState, PlanStep, Sampling, Update

MAX_RESULT = 1500
"""Characters of a step's result that later steps and the answer are told."""


class Work(TypedDict):
    """What one step is sent: itself, what the question quotes, the results that it needs, and how to go about it."""

    step: PlanStep
    quoted: list[str]
    known: str
    system: list[SystemMessage]
    """The client's instructions."""


def works(state: PlanState) -> list[Work]:
    """One for each step that waits for nothing any more."""
    plan = state["plan"]
    system = [message for message in state["messages"] if isinstance(message, SystemMessage)]
    texts = quoted(history.question(state))
    return [Work(step=step, quoted=texts, known=_known(step, plan), system=system) for step in ready(plan)]


class WorkNode(Protocol):
    """The node as langgraph calls it."""

    async def __call__(self, state: Work, runtime: Runtime[Context]) -> Update:
        """Gives one finding."""


def worker(react: CompiledStateGraph[Any, Any, Any, Any]) -> WorkNode:
    """The step `work`, which runs `react` with limits of its own; its answer is a thought of the whole."""

    async def work(state: Work, runtime: Runtime[Context]) -> Update:
        step, context = state["step"], runtime.context
        inner = replace(
            context,
            plan_step=step["id"],
            sampling=Sampling(temperature=context.sampling.temperature, seed=context.sampling.seed),
            limits=replace(context.limits, max_iterations=context.limits.max_step_iterations),
        )
        done = await react.ainvoke(
            {"messages": [*state["system"], HumanMessage(_task(state))], "steps": []}, context=inner
        )
        answer, steps = done["answer"], done.get("steps", [])
        text = answer.text.strip()[:MAX_RESULT]
        failed = answer.additional_kwargs.get("incomplete") or not text
        error = (steps[-1]["observation"][:MAX_RESULT] if steps else "it gave no answer") if failed else None
        return {"findings": [Finding(step=step["id"], text=text, error=error, steps=steps)]}

    return work


async def begin(state: PlanState, runtime: Runtime[Context]) -> Update:
    """Tells the world what is worked on now."""
    going = {step["id"] for step in ready(state["plan"])}
    runtime.stream_writer(PlanChanged([_running(step) if step["id"] in going else step for step in state["plan"]]))
    return {}


def _running(step: PlanStep) -> PlanStep:
    copy = step.copy()
    copy["status"] = "running"
    return copy


def _task(work: Work) -> str:
    step = work["step"]
    parts = [step["goal"], f"It is done when: {step['done_when']}" if step["done_when"] else ""]
    # Small models write "the sentence" where the question has the sentence itself.
    if missing := [text for text in work["quoted"] if text not in step["goal"]]:
        parts.append("Quoted in the question:\n" + "\n".join(f'"{text}"' for text in missing))
    if work["known"]:
        parts.append(f"Known from earlier steps:\n{work['known']}")
    return "\n\n".join(part for part in parts if part)


def _known(step: PlanStep, plan: list[PlanStep]) -> str:
    results = [other for other in plan if other["id"] in step["needs"]]
    return "\n".join(f"- {other['goal']}: {other['result']}" for other in results)
