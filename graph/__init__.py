"""How steps are wired into modes: one file a mode, each with an uncompiled `graph`."""

from typing import Any

from langgraph.graph import StateGraph

from graph import auto, chat, react
from nodes.state import AgentState, Context

MODES: dict[str, StateGraph[AgentState, Context, Any, Any]] = {
    "auto": auto.graph,
    "chat": chat.graph,
    "react": react.graph,
}
