"""Answers requests that a front end makes for itself (a title, tags, follow-up questions), without a session.

Such a request stores nothing in the database except its usage, and uses no kernel.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from api.runs.run import Emit, Work
from api.turns.relay import relay
from api.turns.turn import ContextBuilder, OutsideTurn, charged
from checkpoints.store import Store
from nodes.events import Event, Routed


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Answers with the graph of `chat`, without a checkpointer."""

    graph: CompiledStateGraph[Any, Any, Any, Any]
    contexts: ContextBuilder
    store: Store

    def work(self, turn: OutsideTurn) -> Work:
        async def run(emit: Emit) -> None:
            options, answer, budget = turn.options, turn.answer, turn.budget
            context = await self.contexts.chat(options, budget)
            routed = Routed("chat", "a front end's own request")
            emit(routed)
            answer.feed([routed])
            async with charged(budget, options.user.id, self.store):
                start = {"messages": turn.messages}
                config: RunnableConfig = {"callbacks": [budget.usage]}
                # LangGraph types its generator as a plain iterator; `aclosing` needs an async generator.
                stream = cast(
                    "AsyncGenerator[Event]", self.graph.astream(start, config, context=context, stream_mode="custom")
                )
                async with aclosing(stream) as events:
                    await relay(events, answer, emit)

        return run
