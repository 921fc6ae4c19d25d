"""How steps are wired into modes: one file a mode, each with an uncompiled `graph`."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from graph import auto, chat, plan_execute, react
from nodes.route import record, route
from nodes.state import AgentState, Context, Update
from nodes.summarize import condense

MODES: dict[str, StateGraph[Any, Context, Any, Any]] = {
    "auto": auto.graph,
    "chat": chat.graph,
    "react": react.graph,
    "plan_execute": plan_execute.graph,
}


def whole_turn(name: str) -> StateGraph[Any, Context, Any, Any]:
    """The mode as a graph that can be talked to on its own: condense → route to it → its own steps → record.

    `auto` is such a graph. The steps of the others are at the top, so that each has its checkpoint.
    """
    mode = MODES[name]
    if mode is auto.graph:
        return mode

    async def enter(state: AgentState, runtime: Runtime[Context]) -> Update:
        return await route({**state, "wanted_mode": name}, runtime)

    whole = StateGraph(mode.state_schema, context_schema=Context)
    whole.add_node("condense", condense)
    whole.add_node("route", enter)
    whole.add_node("record", record)
    for part in ("nodes", "branches", "schemas", "channels", "managed"):
        getattr(whole, part).update(getattr(mode, part))
    for start, end in mode.edges:
        whole.add_edge("route" if start == START else start, "record" if end == END else end)
    whole.add_edge(START, "condense")
    whole.add_edge("condense", "route")
    whole.add_edge("record", END)
    return whole
