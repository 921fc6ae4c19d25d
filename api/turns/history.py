"""A conversation's messages, from the checkpoint, as clients see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from api.wire.conversion import calls_of
from api.wire.steps import artifacts, public_step
from checkpoints.sessions import Session
from nodes.model.conversation import own_words
from nodes.state import Step


@dataclass(frozen=True, slots=True)
class History:
    """Reads the conversations stored by the graph."""

    graph: CompiledStateGraph[Any, Any, Any, Any]

    async def messages(self, session_id: str) -> list[AnyMessage]:
        """All messages of the session, oldest first."""
        config: RunnableConfig = {"configurable": {"thread_id": session_id}}
        state = await self.graph.aget_state(config)
        found: list[AnyMessage] = state.values.get("messages", [])
        return found


def public_messages(session: Session, messages: Sequence[AnyMessage]) -> list[dict[str, Any]]:
    """OpenAI's `role` and `content`, plus time, files, steps and artifacts."""
    return [_public(session, message) for message in messages]


def _public(session: Session, message: AnyMessage) -> dict[str, Any]:
    extra = message.additional_kwargs
    shown: dict[str, Any] = {
        "role": role(message),
        "content": own_words(message),
        "timestamp": iso(extra.get("created_at", session.created)),
    }
    if isinstance(message, HumanMessage):
        return shown | {"files": extra.get("files", [])}
    if isinstance(message, AIMessage):
        steps: list[Step] = extra.get("steps", [])
        if message.tool_calls:
            shown["tool_calls"] = calls_of(message.tool_calls)
        return shown | {
            "agent_type": extra.get("mode"),
            "steps": [public_step(session.id, step) for step in steps],
            "artifacts": artifacts(session.id, steps),
        }
    if isinstance(message, ToolMessage):
        return shown | {"tool_call_id": message.tool_call_id}
    return shown


def role(message: AnyMessage) -> str:
    """The message's role in OpenAI's terms."""
    if isinstance(message, HumanMessage):
        return "user"
    if isinstance(message, ToolMessage):
        return "tool"
    return "assistant" if isinstance(message, AIMessage) else "system"


def iso(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
