"""How steps are wired into modes: one file a mode, each with an uncompiled `graph`."""

from graph import chat, plan_execute, react
from graph.auto import ModeGraph, top_graph
from nodes.route import AUTO
from nodes.rules.mode import Kind

ANSWER_MODES: dict[str, ModeGraph] = {
    "chat": chat.graph,
    "react": react.graph,
    "plan_execute": plan_execute.graph,
}
"""The modes that answer a turn: the only list of them."""

MODE_OF_KIND: dict[Kind, str] = {"talk": "chat", "work": "react", "plan": "plan_execute"}
"""What `auto` chooses for each kind of question. Another mode answers only when a client asks for it."""

MODES: dict[str, ModeGraph] = {AUTO: top_graph(ANSWER_MODES, MODE_OF_KIND), **ANSWER_MODES}
"""All modes that a client may name."""


def turn_graph(mode: str) -> ModeGraph:
    """A whole turn in `mode` as a graph of its own, in which every step has a checkpoint: what Studio runs.

    Raises KeyError for an unknown mode.
    """
    modes = ANSWER_MODES if mode == AUTO else {mode: ANSWER_MODES[mode]}
    return top_graph(modes, MODE_OF_KIND, step_checkpoints=True)
