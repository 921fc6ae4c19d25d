"""The nodes `begin`, `work`, `collect` and `combine`, which execute the steps of a plan.

`begin` announces the steps, `work` executes one with the ReAct subgraph in its own conversation, `collect` adds their
results to the plan, `combine` makes one answer of the results.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from nodes.events import Finished, PlanChanged, PlanStepEnded, StepsOrdered, ThoughtDelta
from nodes.model import conversation
from nodes.model.answer_writer import AnswerWriter
from nodes.model.ask import ask, bounded
from nodes.plan import quoted, ready, told
from nodes.prompts import render
from nodes.react.grounding import CITATION, is_told, unsupported_numbers, without_citations
from nodes.state import AgentState, Context, Finding, PlanState, PlanStep, Sampling, Step, unless_ended

HEADING = "\n\nThe steps gave:"
_PREPARES = re.compile(r"(?:clean|extract|filter|import|load|open|prepare|read|select|sort)\b", re.IGNORECASE)


def owed_results(answer: str, question: str, plan: Sequence[PlanStep], steps: Sequence[Step]) -> str:
    """The results to append to `answer`: all if it has numbers that no step produced, none if it lacks none."""
    results = [step for step in plan if step["status"] == "done" and not _PREPARES.match(step["goal"])]
    evidence = [question, *(step["result"] for step in plan), *(step["observation"] for step in steps)]
    if not unsupported_numbers(without_citations(answer), evidence):
        results = [step for step in results if not _is_told(step, answer, plan, steps)]
    return "".join([HEADING, *(f"\n- {step['goal']}: {step['result']}" for step in results)]) if results else ""


def _is_told(step: PlanStep, answer: str, plan: Sequence[PlanStep], steps: Sequence[Step]) -> bool:
    """In the answer, or in the input or results of the steps that need it.

    Models name needs that do not exist, so a need alone does not justify an answer without the result.
    """
    later = [other for other in plan if step["id"] in other["needs"]]
    numbers = {other["id"] for other in later}
    written = [taken["input"] for taken in steps if taken.get("plan_step") in numbers]
    places = "\n".join([answer, *written, *(other["result"] for other in later)])
    return is_told(without_citations(step["result"]), step["goal"], places)


MAX_RESULT = 1500
"""Maximum characters of a step's result in later prompts."""


class Work(TypedDict):
    """The input of one step: the step itself, quotations from the question, the results that it needs, instructions."""

    step: PlanStep
    quoted: list[str]
    known: str
    system: list[SystemMessage]
    """The client's instructions."""


def works(state: PlanState) -> list[Work]:
    """One for each step that no longer waits for others."""
    plan = state["plan"]
    system = [message for message in state["messages"] if isinstance(message, SystemMessage)]
    texts = quoted(conversation.question(state))
    return [Work(step=step, quoted=texts, known=_known(step, plan), system=system) for step in ready(plan)]


class WorkNode(Protocol):
    """The node's signature for LangGraph."""

    async def __call__(self, state: Work, runtime: Runtime[Context]) -> PlanState:
        """Returns one finding."""


def worker(react: CompiledStateGraph[Any, Any, Any, Any]) -> WorkNode:
    """The step `work`, which runs `react` with its own limits; its answer becomes a thought of the turn."""

    async def work(state: Work, runtime: Runtime[Context]) -> PlanState:
        step, context = state["step"], runtime.context
        inner = replace(
            context,
            plan_step=step["id"],
            sampling=Sampling(temperature=context.sampling.temperature, seed=context.sampling.seed),
            limits=replace(context.limits, max_iterations=context.limits.max_step_iterations),
        )
        runtime.stream_writer(ThoughtDelta(f"{step['id']}. {step['goal']}\n", step["id"]))
        start = {"messages": [*state["system"], HumanMessage(_task(state))], "steps": [], "offered": []}
        done = await react.ainvoke(start, context=inner)
        runtime.stream_writer(ThoughtDelta("\n\n", step["id"]))
        runtime.stream_writer(PlanStepEnded(step["id"]))
        answer, steps = done["answer"], done.get("steps", [])
        text = answer.text.strip()[:MAX_RESULT]
        return {"findings": [Finding(step=step["id"], text=text, error=_error_of(answer, steps), steps=steps)]}

    return work


async def begin(state: PlanState, runtime: Runtime[Context]) -> PlanState:
    """Emits the steps that are now executed."""
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


async def collect(state: PlanState, runtime: Runtime[Context]) -> PlanState:
    """Sets `plan` and `steps`."""
    worked_on = {step["id"] for step in ready(state["plan"])}
    # The newest of each: a thread that keeps a mode's state also has findings of earlier turns' plans.
    found = {finding["step"]: finding for finding in state["findings"]}
    steps, plan = list(state.get("steps", [])), []
    for planned in state["plan"]:
        new = planned["id"] in worked_on
        plan.append(_with(planned, found[planned["id"]], steps) if new else planned)
    runtime.stream_writer(PlanChanged(plan))
    runtime.stream_writer(StepsOrdered(steps))
    return {"plan": plan, "steps": steps}


def _with(planned: PlanStep, finding: Finding, steps: list[Step]) -> PlanStep:
    """The planned step with its result; its own steps are added to `steps`."""
    offset = sum(len(step["sources"]) for step in steps)
    for step in finding["steps"]:
        joined = step.copy()
        joined["index"] = len(steps) + 1
        if step["sources"]:
            joined["observation"] = _shifted(step["observation"], offset)
        steps.append(joined)
    done = planned.copy()
    done["status"] = "done" if finding["error"] is None else "failed"
    done["result"], done["error"] = _shifted(finding["text"], offset), finding["error"]
    return done


def _shifted(text: str, offset: int) -> str:
    """Citations numbered from 1 within a step, renumbered for the turn."""
    if not offset:
        return text
    return re.sub(CITATION, lambda mark: f"[{int(mark.group(1)) + offset}]", text)


MAX_TOLD = 8000


async def combine(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `answer`, based on the steps that gave a result, and `plan`, without pending steps."""
    answer, plan = AnswerWriter(runtime), _without_pending(state["plan"])
    if plan != state["plan"]:
        runtime.stream_writer(PlanChanged(plan))
    citations = " and citations like [2]" if any(step["sources"] for step in state.get("steps", [])) else ""
    question = conversation.question(state)
    results = f"Question: {question}\n\nSteps:\n{told(plan)[-MAX_TOLD:]}"
    system = conversation.instructed(render("plan/combine", citations=citations), state, runtime.context)
    said = await ask(runtime, [system, HumanMessage(results)], bounded(runtime), answer.write)
    answer.write_whole(owed_results(said.text, question, plan, state.get("steps", [])))
    reason = answer.close(said.finish_reason)
    runtime.stream_writer(Finished(reason))
    told_by = {"steps": state.get("steps", []), "plan": plan}
    message = AIMessage(content=answer.text.strip(), id=said.id or str(uuid.uuid4()), additional_kwargs=told_by)
    return {"answer": message, "plan": plan}


def _without_pending(plan: Sequence[PlanStep]) -> list[PlanStep]:
    """A step is still pending if a step that it needs gave nothing, or if the run had to end."""
    done = {step["id"] for step in plan if step["status"] == "done"}
    return [_skipped(step, [n for n in step["needs"] if n not in done]) for step in plan]


def _skipped(step: PlanStep, missing: Sequence[int]) -> PlanStep:
    needs = "It needs the result of step " + ", ".join(map(str, missing)) + ", which there is none of."
    return unless_ended(step, "skipped", needs if missing else "The run reached its limit before this step.")


async def conclude(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `plan` after a plan of one step, from its answer."""
    answer, steps = state["answer"], state.get("steps", [])
    assert answer is not None, "conclude is only reached with an answer"
    plan = [_concluded(step, answer, steps) for step in state["plan"]]
    runtime.stream_writer(PlanChanged(plan))
    return {"plan": plan}


def _concluded(step: PlanStep, answer: AIMessage, steps: Sequence[Step]) -> PlanStep:
    copy = step.copy()
    copy["result"], copy["error"] = answer.text.strip()[:MAX_RESULT], _error_of(answer, steps)
    copy["status"] = "done" if copy["error"] is None else "failed"
    return copy


def _error_of(answer: AIMessage, steps: Sequence[Step]) -> str | None:
    """Why a step of the plan failed; None if it has an answer."""
    if answer.text.strip() and not answer.additional_kwargs.get("incomplete"):
        return None
    return steps[-1]["observation"][:MAX_RESULT] if steps else "it gave no answer"
