"""`route`: choose the mode that answers this turn, and reset the turn's state."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from nodes.client_tools import caller, steps_so_far
from nodes.events import Routed, StepsOrdered
from nodes.model.ask import ask_one_of
from nodes.model.conversation import instructions, own_question
from nodes.prompts import render
from nodes.react.choose_tool import files_at_hand
from nodes.rules.mode import Kind, Situation, question_kind
from nodes.state import AgentState, Context, Step
from nodes.tool_offer import OWN_TOOLS, Offer, Offers, choose_tool_for, tool_asked_for
from tools.question import addresses, named, sort_files

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


@dataclass(frozen=True, slots=True)
class Modes:
    """The modes of a top graph, and one of them for each kind of question."""

    names: Sequence[str]
    of_kind: Mapping[Kind, str]

    async def choice(self, state: AgentState, runtime: Runtime[Context], offers: Offers) -> tuple[str, str]:
        """The mode for the current turn, and the reason."""
        wanted, called = state.get("wanted_mode", AUTO), caller(state["messages"])
        talk, work = self.of_kind["talk"], self.of_kind["work"]
        if len(self.names) == 1:
            return self.names[0], "it is the only mode"
        if runtime.context.continued is not None:
            return talk, "it continues an answer"
        if called is not None and wanted in (AUTO, self.of_kind["plan"]):
            by_agent = wanted != AUTO or called.additional_kwargs.get("mode", talk) != talk
            return work if by_agent else talk, "it continues with the results of the client's tools"
        if wanted != AUTO:
            return wanted, "asked for by the client"
        kind, reason = await _question_kind(state, runtime, offers)
        return self.of_kind[kind], reason

    async def offer(self, mode: str, offers: Offers, runtime: Runtime[Context]) -> Offer:
        """The client tools that the model may call in `mode`; the client is told."""
        given = runtime.context.client_tools
        if not given.tools:
            return Offer()
        offer = Offer(reason=OWN_TOOLS)
        if mode == self.of_kind["talk"]:
            offer = await offers.in_chat()
        elif mode == self.of_kind["work"]:
            offer = await offers.to_agent()
        runtime.stream_writer(offer.event(given))
        return offer

    def steps(self, mode: str, state: AgentState, runtime: Runtime[Context]) -> list[Step]:
        """The steps with which the turn goes on, if it is an agent's that waited for the client."""
        if mode == self.of_kind["talk"] or caller(state["messages"]) is None:
            return []
        steps = steps_so_far(state["messages"])
        runtime.stream_writer(StepsOrdered(steps))
        return steps


def router(modes: Sequence[str], mode_of_kind: Mapping[Kind, str]) -> RouteNode:
    """The step `route`, which chooses one of `modes`; `mode_of_kind` names one for each kind of question."""
    known = Modes(modes, mode_of_kind)

    async def route(state: AgentState, runtime: Runtime[Context]) -> AgentState:
        offers = Offers(state, runtime.context)
        mode, reason = await known.choice(state, runtime, offers)
        runtime.stream_writer(Routed(mode, reason))
        return {
            "mode": mode,
            "steps": known.steps(mode, state, runtime),
            "offered": list((await known.offer(mode, offers, runtime)).names),
            "calls": [],
            "action": None,
            "outcome": None,
            "needed": "",
            "thoughts": 0,
            "answer": None,
            "plan": [],
            "replans": 0,
            "answer_text": None,
            "answer_id": None,
            "spoken": "",
            "finish_reason": "stop",
        }

    return route


async def _question_kind(state: AgentState, runtime: Runtime[Context], offers: Offers) -> tuple[Kind, str]:
    """The kind of the question, and the reason."""
    context = runtime.context
    if not context.tools:
        return "talk", "there are no tools"
    asked, situation = own_question(state), await _situation(state, runtime)
    told = question_kind(asked, situation)
    if (told is None or told[0] != "talk") and context.client_tools.tools:
        told = await _kind_with_client_tools(told, asked, situation, runtime, offers)
    return told or await _ask_the_model(asked, runtime)


async def _kind_with_client_tools(
    told: tuple[Kind, str] | None, asked: str, situation: Situation, runtime: Runtime[Context], offers: Offers
) -> tuple[Kind, str] | None:
    """A client tool that fits the question better than ours is a reason to talk, because mode `chat` leaves the call to
    the client. The model chooses if the rules do not, and if an agent cannot offer them.
    """
    if addresses(asked) or named(asked, situation.all.all):
        return told
    offer = await offers.in_chat()
    tool = tool_asked_for(offer, asked, runtime.context)
    if tool is None and offer.names and not (await offers.to_agent()).names:
        chosen = await choose_tool_for(asked[:MAX_TOLD], offer, runtime)
        tool = chosen if chosen in offer.names else None
    return ("talk", f"the client's tool {tool} fits it") if tool is not None else told


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


async def _ask_the_model(asked: str, runtime: Runtime[Context]) -> tuple[Kind, str]:
    prompt = [SystemMessage(render("route/kind")), HumanMessage(f"Message: {asked[:MAX_TOLD]}\nKind:")]
    kind = await ask_one_of(runtime, prompt, MODEL_KINDS)
    return kind, f"the model chose {kind}"


async def record(state: AgentState) -> AgentState:
    """Adds the answer to the conversation, with its mode and its time of completion."""
    answer = state.get("answer")
    if answer is None:
        return {"messages": [], "answer": None}
    told = {"mode": state["mode"], **answer.additional_kwargs, "created_at": time.time()}
    return {"messages": [answer.model_copy(update={"additional_kwargs": told})], "answer": None}
