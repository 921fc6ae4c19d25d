"""`route`: choose the mode that answers this turn, and start the turn afresh."""

import time

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from nodes.events import Routed
from nodes.model.ask import ask_one_of
from nodes.model.conversation import question
from nodes.prompts import render
from nodes.react.choose_tool import files_at_hand
from nodes.rules.mode import Situation, choose_mode
from nodes.state import AgentState, Context, Update
from tools.question import sort_files

KINDS = {"talk": "chat", "work": "react"}
"""What the model is asked to tell apart, and the mode that each means."""
MAX_TOLD = 1500
"""Characters of the question that it is shown."""


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
        "spoken": "",
        "finish_reason": "stop",
    }


async def _choose(state: AgentState, runtime: Runtime[Context]) -> tuple[str, str]:
    wanted = state.get("wanted_mode", "auto")
    if wanted != "auto":
        return wanted, "asked for by the client"
    if not runtime.context.tools:
        return "chat", "there are no tools"
    asked = question(state)
    chosen = choose_mode(asked, await _situation(state, runtime))
    return chosen or await _ask_the_model(asked, runtime)


async def _situation(state: AgentState, runtime: Runtime[Context]) -> Situation:
    workspace = runtime.context.workspace
    own = [info.name for info in await workspace.files()] if workspace is not None else []
    said = [message for message in state["messages"] if isinstance(message, (HumanMessage, AIMessage))]
    answers = [message for message in said if isinstance(message, AIMessage)]
    return Situation(
        own=sort_files(own),
        all=await files_at_hand(runtime),
        worked=bool(answers and answers[-1].additional_kwargs.get("steps")),
        first=len(said) == 1,
    )


async def _ask_the_model(asked: str, runtime: Runtime[Context]) -> tuple[str, str]:
    prompt = [SystemMessage(render("route/kind")), HumanMessage(f"Message: {asked[:MAX_TOLD]}\nKind:")]
    kind = await ask_one_of(runtime, prompt, list(KINDS))
    return KINDS[kind], f"the model took it for {kind}"


async def record(state: AgentState) -> Update:
    """The answer joins the conversation, with the time at which it was complete."""
    answer = state.get("answer")
    if answer is None:
        return {"messages": [], "answer": None}
    told = {**answer.additional_kwargs, "created_at": time.time()}
    return {"messages": [answer.model_copy(update={"additional_kwargs": told})], "answer": None}
