"""`auto`: the top graph of every turn: summarize → route → a mode → structured_output → record."""

from collections.abc import Mapping
from typing import Any

from langgraph.graph import END, START, StateGraph

from nodes.route import record, router
from nodes.rules.mode import Kind
from nodes.state import AgentState, Context
from nodes.structured_output import structured_output
from nodes.summarize import summarize

ModeGraph = StateGraph[Any, Context, Any, Any]


def top_graph(
    modes: Mapping[str, ModeGraph], mode_of_kind: Mapping[Kind, str], *, step_checkpoints: bool = False
) -> ModeGraph:
    """The graph of a turn answered by one of `modes`; each mode is a subgraph.

    With `step_checkpoints`, every step of a mode has a checkpoint in the thread's history of that mode. Without them, a
    turn is saved only when it is complete, so a crash leaves nothing incomplete.
    """
    graph = StateGraph(AgentState, context_schema=Context)
    graph.add_node("summarize", summarize)
    graph.add_node("route", router(list(modes), mode_of_kind))
    graph.add_node("structured_output", structured_output)
    graph.add_node("record", record)
    for name, mode in modes.items():
        # Like None, True uses the top graph's checkpointer, but None's history ends with the turn, and LangGraph cannot
        # fork it at a step.
        graph.add_node(name, mode.compile(checkpointer=step_checkpoints))
        graph.add_edge(name, "structured_output")
    graph.add_edge(START, "summarize")
    graph.add_edge("summarize", "route")
    graph.add_conditional_edges("route", chosen_mode, list(modes))
    graph.add_edge("structured_output", "record")
    graph.add_edge("record", END)
    return graph


def chosen_mode(state: AgentState) -> str:
    return state["mode"]
