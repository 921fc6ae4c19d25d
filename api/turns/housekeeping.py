"""Answers requests that a front end makes for itself (a title, tags, follow-up questions), without a session.

Such a request stores nothing in the database except its usage, and uses no kernel.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from api.runs.run import Emit, Work
from api.turns.options import TurnOptions
from api.turns.relay import relay
from api.turns.turn import ContextBuilder, charged
from api.wire.answer import Answer
from api.wire.conversion import to_messages
from api.wire.messages import ChatMessage
from checkpoints.store import Store
from nodes.events import Event, Routed
from nodes.state import Budget


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Answers with the graph of `chat`, without a checkpointer."""

    graph: CompiledStateGraph[Any, Any, Any, Any]
    contexts: ContextBuilder
    store: Store

    def work(self, options: TurnOptions, messages: Sequence[ChatMessage], answer: Answer, budget: Budget) -> Work:
        async def run(emit: Emit) -> None:
            context = await self.contexts.chat(options, budget)
            routed = Routed("chat", "a front end's own request")
            emit(routed)
            answer.feed([routed])
            async with charged(budget, options.user.id, self.store):
                start = {"messages": to_messages(messages, 0)}
                config: RunnableConfig = {"callbacks": [budget.usage]}
                # LangGraph types its generator as a plain iterator; `aclosing` needs an async generator.
                stream = cast(
                    "AsyncGenerator[Event]", self.graph.astream(start, config, context=context, stream_mode="custom")
                )
                async with aclosing(stream) as events:
                    await relay(events, answer, emit)

        return run
