"""How steps are wired into modes: one file a mode, each with an uncompiled `graph`."""

from typing import Any

from langgraph.graph import StateGraph

from graph import auto, chat, plan_execute, react
from nodes.state import Context

MODES: dict[str, StateGraph[Any, Context, Any, Any]] = {
    "auto": auto.graph,
    "chat": chat.graph,
    "react": react.graph,
    "plan_execute": plan_execute.graph,
}
