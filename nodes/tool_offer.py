"""Which client tools the model may call in a turn: those that the mode can offer and that leave room in the window."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from nodes.client_tools import called_before, name_of
from nodes.events import ToolsOffered
from nodes.model import conversation
from nodes.model.ask import ask_one_of
from nodes.prompts import render
from nodes.rules.tool_words import common_words, is_named, telling_words
from nodes.state import AgentState, ClientTools, Context
from tools.agent_tool import purposes_of

CHAT_SHARE, AGENT_SHARE = 0.5, 0.25
"""Share of the context window that client tools may fill: next to a conversation, and next to an agent's own tools."""
MAX_DESCRIPTION = 100
"""Maximum characters of a tool's description when the model chooses between tools."""
SERVICE = "none_of_them"
"""The choice that stands for the service's own tools, and for none."""
NO_TOOLS = "the model does not support tools"
AS_TEXT = "the model calls tools as text in agent modes, which offer only the service's tools then"
OWN_TOOLS = "this mode uses only the service's tools"
NAME_TAKEN = "the service has tools with these names"


@dataclass(frozen=True, slots=True)
class Offer:
    """The names of client tools that the model may call, and why others were left out."""

    names: tuple[str, ...] = ()
    reason: str | None = None

    def event(self, given: ClientTools) -> ToolsOffered:
        left_out = [name for name in map(name_of, given.tools) if name not in self.names]
        return ToolsOffered(list(self.names), left_out, self.reason if left_out else None)


class Offers:
    """What each mode could offer in a turn. The sizes of the client's tools are counted once."""

    def __init__(self, state: AgentState, context: Context) -> None:
        self._state = state
        self._context = context
        self._sizes: dict[str, int] | None = None

    async def in_chat(self) -> Offer:
        """For an answer without the service's tools. If the client requires a call, everything is offered."""
        given = self._context.client_tools
        if given.choice != "auto":
            return Offer(tuple(map(name_of, given.tools)))
        return await self._fitting(given.tools, CHAT_SHARE)

    async def to_agent(self) -> Offer:
        """Beside the service's tools, which keep their names."""
        context = self._context
        if context.protocol != "native":
            return Offer(reason=AS_TEXT)
        others = [tool for tool in context.client_tools.tools if name_of(tool) not in context.tools]
        offer = await self._fitting(others, AGENT_SHARE)
        return replace(offer, reason=offer.reason or NAME_TAKEN)

    async def _fitting(self, tools: Sequence[dict[str, Any]], share: float) -> Offer:
        """All, if they fit; otherwise those that the question is about, as far as they fit."""
        if not getattr(self._context.model, "native_tools", False):
            return Offer(reason=NO_TOOLS)
        if self._sizes is None:
            self._sizes = await asyncio.to_thread(self._counted)
        sizes = [self._sizes[name_of(tool)] for tool in tools]
        window, total = self._context.limits.window, sum(sizes)
        limit = room = int(window * share)
        if total <= limit:
            return Offer(tuple(map(name_of, tools)))
        asked = conversation.own_question(self._state)
        called = {name for name, _ in called_before(self._state["messages"])}
        ranks = [(name_of(tool) in called, common_words(tool["function"], asked)) for tool in tools]
        kept: set[str] = set()
        for at in sorted(range(len(tools)), key=lambda at: ranks[at], reverse=True):
            if any(ranks[at]) and sizes[at] <= room:
                kept.add(name_of(tools[at]))
                room -= sizes[at]
        reason = (
            f"they need about {total} tokens; at most {limit} of the context window of {window} are for client tools"
        )
        return Offer(tuple(name for name in map(name_of, tools) if name in kept), reason)

    def _counted(self) -> dict[str, int]:
        count = self._context.model.get_num_tokens
        return {name_of(tool): count(json.dumps(tool)) for tool in self._context.client_tools.tools}


def tool_asked_for(offer: Offer, question: str, context: Context) -> str | None:
    """The client tool that the question is about, by its name; a counterpart of a tool of ours does not count."""
    own = {word for name, purpose in purposes_of(context.tools).items() for word in (name, *purpose.aliases)}
    known = telling_words(" ".join(own))
    return next((name for name in offer.names if is_named(name, question) and not telling_words(name) <= known), None)


async def choose_tool_for(question: str, offer: Offer, runtime: Runtime[Context]) -> str:
    """The client tool that fits the question according to the model, or `SERVICE`."""
    names = set(offer.names)
    functions = [tool["function"] for tool in runtime.context.client_tools.tools if name_of(tool) in names]
    listed = "\n".join(f"- {function['name']}: {_described(function)}" for function in functions)
    system = SystemMessage(render("route/client_tool", tools=listed, service=SERVICE))
    return await ask_one_of(runtime, [system, HumanMessage(f"Message: {question}\nTool:")], [SERVICE, *offer.names])


def _described(function: dict[str, Any]) -> str:
    return " ".join((function.get("description") or "").split())[:MAX_DESCRIPTION]
