"""`plan_execute`: plan → (begin → work, in parallel → collect)* → replan … → combine.

A plan of one step is `react`, then `conclude`.
"""

from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from graph import react
from nodes.plan import plan, ready, replan
from nodes.plan_steps import begin, collect, combine, conclude, worker, works
from nodes.state import Context, ModeOutput, PlanState


def after_plan(state: PlanState) -> Literal["react", "begin"]:
    return "begin" if len(state["plan"]) > 1 else "react"


def send_work(state: PlanState) -> list[Send]:
    """Steps that wait for nothing run in parallel."""
    return [Send("work", work) for work in works(state)]


def after_collect(state: PlanState, runtime: Runtime[Context]) -> Literal["begin", "replan", "combine"]:
    if runtime.context.budget.spent:
        return "combine"
    if ready(state["plan"]):
        return "begin"
    failed = any(step["status"] == "failed" for step in state["plan"])
    return "replan" if failed and state.get("replans", 0) < runtime.context.limits.max_replans else "combine"


def after_replan(state: PlanState) -> Literal["begin", "combine"]:
    return "begin" if ready(state["plan"]) else "combine"


_react = react.graph.compile(checkpointer=False)

graph = StateGraph(PlanState, context_schema=Context, output_schema=ModeOutput)
graph.add_node("plan", plan)
graph.add_node("react", _react)
graph.add_node("begin", begin)
graph.add_node("work", worker(_react))
graph.add_node("collect", collect)
graph.add_node("replan", replan)
graph.add_node("conclude", conclude)
graph.add_node("combine", combine)
graph.add_edge(START, "plan")
graph.add_conditional_edges("plan", after_plan)
graph.add_conditional_edges("begin", send_work, ["work"])
graph.add_edge("work", "collect")
graph.add_conditional_edges("collect", after_collect)
graph.add_conditional_edges("replan", after_replan)
graph.add_edge("react", "conclude")
graph.add_edge("conclude", END)
graph.add_edge("combine", END)
