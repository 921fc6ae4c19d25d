"""`collect`: what the steps of a plan brought, put into the plan; sources numbered through the whole turn."""

import re

from langgraph.runtime import Runtime

from nodes.citing import CITATION
from nodes.events import PlanChanged, StepsOrdered
from nodes.state import Context, Finding, PlanState, PlanStep, Step, Update


async def collect(state: PlanState, runtime: Runtime[Context]) -> Update:
    """Sets `plan` and `steps`."""
    found = {finding["step"]: finding for finding in state["findings"]}
    steps, plan = list(state.get("steps", [])), []
    for planned in state["plan"]:
        new = planned["status"] == "pending" and planned["id"] in found
        plan.append(_with(planned, found[planned["id"]], steps) if new else planned)
    runtime.stream_writer(PlanChanged(plan))
    runtime.stream_writer(StepsOrdered(steps))
    return {"plan": plan, "steps": steps}


def _with(planned: PlanStep, finding: Finding, steps: list[Step]) -> PlanStep:
    """The planned step with its result; its own steps join `steps`."""
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
    """Citations that count from 1 within a step, counted through the turn."""
    if not offset:
        return text
    return re.sub(CITATION, lambda mark: f"[{int(mark.group(1)) + offset}]", text)
