"""`route`: choose the mode that answers this turn, and start the turn afresh."""

import time

from langgraph.runtime import Runtime

from nodes.choosing import files_at_hand
from nodes.events import Routed
from nodes.hints import addresses, named, wants_computing, wants_documents, wants_web
from nodes.history import question
from nodes.state import AgentState, Context, Update


async def route(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `mode`; clears what belonged to the last turn."""
    mode, reason = await _choose(state, runtime)
    runtime.stream_writer(Routed(mode, reason))
    return {
        "mode": mode,
        "steps": [],
        "action": None,
        "outcome": None,
        "needed": "",
        "thoughts": 0,
        "answer": None,
        "plan": [],
        "replans": 0,
        "answer_text": None,
        "finish_reason": "stop",
    }


async def _choose(state: AgentState, runtime: Runtime[Context]) -> tuple[str, str]:
    wanted = state.get("wanted_mode", "auto")
    if wanted != "auto":
        return wanted, "asked for by the client"
    workspace, asked = runtime.context.workspace, question(state)
    if workspace is not None and await workspace.files():
        return "react", "the session has files"
    if addresses(asked) or wants_web(asked):
        return "react", "the question asks for the web"
    if wants_computing(asked):
        return "react", "something has to be computed"
    if named(asked, (library := await files_at_hand(runtime)).all) or (library.documents and wants_documents(asked)):
        return "react", "the question asks for the user's files"
    return "chat", "nothing to compute or to read"


async def record(state: AgentState) -> Update:
    """The answer joins the conversation, with the time at which it was complete."""
    answer = state.get("answer")
    if answer is None:
        return {"messages": [], "answer": None}
    told = {**answer.additional_kwargs, "created_at": time.time()}
    return {"messages": [answer.model_copy(update={"additional_kwargs": told})], "answer": None}
