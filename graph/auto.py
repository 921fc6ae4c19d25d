"""`auto`: the top graph that every session is run through: condense → route → a mode → shape → record."""

from typing import Any

from langgraph.graph import END, START, StateGraph

from graph import chat, plan_execute, react
from nodes.route import record, route
from nodes.state import AgentState, Context
from nodes.structured_output import shape
from nodes.summarize import condense

MODES: dict[str, StateGraph[Any, Context, Any, Any]] = {
    "chat": chat.graph,
    "react": react.graph,
    "plan_execute": plan_execute.graph,
}


def chosen_mode(state: AgentState) -> str:
    return state["mode"]


graph = StateGraph(AgentState, context_schema=Context)
graph.add_node("condense", condense)
graph.add_node("route", route)
graph.add_node("shape", shape)
graph.add_node("record", record)
for name, mode in MODES.items():
    # Without a checkpointer of its own: a turn is kept when it is whole, so a crash leaves nothing dangling.
    graph.add_node(name, mode.compile(checkpointer=False))
    graph.add_edge(name, "shape")
graph.add_edge(START, "condense")
graph.add_edge("condense", "route")
graph.add_conditional_edges("route", chosen_mode, list(MODES))
graph.add_edge("shape", "record")
graph.add_edge("record", END)
