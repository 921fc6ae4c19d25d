"""`route`: choose the mode that answers this turn, and reset the turn's state."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from nodes.events import Routed
from nodes.model.ask import ask_one_of
from nodes.model.conversation import asked, instructions
from nodes.prompts import render
from nodes.react.choose_tool import files_at_hand
from nodes.rules.mode import Kind, Situation, question_kind
from nodes.state import AgentState, Context
from tools.question import sort_files

AUTO = "auto"
"""The `wanted_mode` that leaves the choice to the router."""
MODEL_KINDS: tuple[Kind, ...] = ("talk", "work")
"""The kinds that the model distinguishes."""
MAX_TOLD = 1500
"""Maximum characters of the question in the router's prompt."""


class RouteNode(Protocol):
    """The step's signature for LangGraph."""

    async def __call__(self, state: AgentState, runtime: Runtime[Context]) -> AgentState:
        """Sets `mode`; clears the state of the last turn."""


def router(modes: Sequence[str], mode_of_kind: Mapping[Kind, str]) -> RouteNode:
    """The step `route`, which chooses one of `modes`; `mode_of_kind` names one for each kind of question."""

    async def route(state: AgentState, runtime: Runtime[Context]) -> AgentState:
        wanted = state.get("wanted_mode", AUTO)
        if len(modes) == 1:
            mode, reason = modes[0], "it is the only mode"
        elif wanted != AUTO:
            mode, reason = wanted, "asked for by the client"
        else:
            kind, reason = await _question_kind(state, runtime)
            mode = mode_of_kind[kind]
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

    return route


async def _question_kind(state: AgentState, runtime: Runtime[Context]) -> tuple[Kind, str]:
    """The kind of the question, and the reason."""
    if not runtime.context.tools:
        return "talk", "there are no tools"
    question = asked(state)
    told = question_kind(question, await _situation(state, runtime))
    return told or await _ask_the_model(question, runtime)


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
        instructions=instructions(state, runtime.context),
        tools=bool(runtime.context.client_tools.tools),
        response_format=runtime.context.response_format is not None,
    )


async def _ask_the_model(question: str, runtime: Runtime[Context]) -> tuple[Kind, str]:
    prompt = [SystemMessage(render("route/kind")), HumanMessage(f"Message: {question[:MAX_TOLD]}\nKind:")]
    kind = await ask_one_of(runtime, prompt, MODEL_KINDS)
    return kind, f"the model chose {kind}"


async def record(state: AgentState) -> AgentState:
    """Adds the answer to the conversation, with its mode and its time of completion."""
    answer = state.get("answer")
    if answer is None:
        return {"messages": [], "answer": None}
    told = {**answer.additional_kwargs, "mode": state["mode"], "created_at": time.time()}
    return {"messages": [answer.model_copy(update={"additional_kwargs": told})], "answer": None}
