"""`observe`: turn an action and its outcome into a finished step."""

from langgraph.runtime import Runtime

from nodes.events import StepDone, ThoughtDelta
from nodes.react.step_writer import result_of
from nodes.state import AgentState, Context, Step


async def observe(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Appends to `steps` and emits the step."""
    action, outcome = state.get("action"), state.get("outcome")
    assert action is not None and outcome is not None, "observe is only reached after tool_call"
    steps = state.get("steps", [])
    step = Step(
        index=len(steps) + 1,
        node="tool_call",
        thought=action["thought"],
        tool=action["tool"],
        input=action["input"],
        observation=outcome["text"],
        error=outcome["error"],
        started_at=outcome["started_at"],
        duration_ms=outcome["duration_ms"],
        artifacts=outcome["artifacts"],
        sources=outcome["sources"],
    )
    if (planned := runtime.context.plan_step) is not None:
        step["plan_step"] = planned
    if (answer := outcome["answer"]) is not None:
        step["answer"] = answer
    runtime.stream_writer(ThoughtDelta(result_of(step, runtime.context.tools), runtime.context.plan_step))
    runtime.stream_writer(StepDone(step))
    return {"steps": [*steps, step], "action": None, "outcome": None}
