"""The modes: one file per mode, each with an uncompiled `graph` that wires the steps."""

from graph import chat, plan_execute, react
from graph.auto import ModeGraph, top_graph
from nodes.route import AUTO
from nodes.rules.mode import Kind

ANSWER_MODES: dict[str, ModeGraph] = {
    "chat": chat.graph,
    "react": react.graph,
    "plan_execute": plan_execute.graph,
}
"""The only list of the modes that answer a turn."""

MODE_OF_KIND: dict[Kind, str] = {"talk": "chat", "work": "react", "plan": "plan_execute"}
"""The mode that `auto` chooses for each kind of question. Other modes answer only if a client requests them."""

MODES: dict[str, ModeGraph] = {AUTO: top_graph(ANSWER_MODES, MODE_OF_KIND), **ANSWER_MODES}
"""All modes that a client may name."""


def turn_graph(mode: str) -> ModeGraph:
    """A whole turn in `mode` as one graph with a checkpoint after every step, for Studio.

    Raises KeyError for an unknown mode.
    """
    modes = ANSWER_MODES if mode == AUTO else {mode: ANSWER_MODES[mode]}
    return top_graph(modes, MODE_OF_KIND, step_checkpoints=True)
