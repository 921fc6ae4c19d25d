"""`summarize`: summarize old turns once, so that a long conversation fits the context window and stays fast.

The newest turns, the current question and the client's instructions are kept in full. Each old turn is summarized
exactly once, when the unsummarized turns exceed their share of the window; summaries are never summarized again.
"""

import asyncio
from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from nodes.model.ask import ask
from nodes.model.conversation import own_words
from nodes.prompts import render
from nodes.state import AgentState, Context, Sampling

FULL = 0.35
"""Share of the context window that turns may fill before the older ones are summarized."""
KEPT = 0.12
"""Share of the context window kept for the newest turns."""
MAX_MESSAGE = 1200
"""Maximum characters of a message that its summary is based on."""
SUMMARY_TOKENS = 160
CALLS = 2
"""Maximum number of summaries per turn: a client may send thousands of messages at once."""


async def summarize(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `summaries` and `condensed`, the number of messages that they cover; does nothing while there is space."""
    window, start = runtime.context.limits.window, state.get("condensed", 0)
    messages = state["messages"]
    sizes = await asyncio.to_thread(_sizes, messages[start:], runtime)
    if sum(sizes) <= window * FULL:
        return {}
    end = start + _old(messages[start:], sizes, int(window * KEPT))
    parts = _parts(messages[start:end], sizes, int(window * FULL))[-CALLS:]
    new = [await _summary(part, runtime) for part in parts]
    return {"summaries": [*state.get("summaries", []), *filter(None, new)], "condensed": end}


def _sizes(messages: Sequence[AnyMessage], runtime: Runtime[Context]) -> list[int]:
    """Tokens of each message. Instructions do not count: they stay in the prompt, whole."""
    count = runtime.context.model.get_num_tokens
    return [0 if isinstance(message, SystemMessage) else count(message.text) for message in messages]


def _old(messages: Sequence[AnyMessage], sizes: Sequence[int], room: int) -> int:
    """Number of old messages: whole turns, keeping as many of the newest as fit `room`; never the current question."""
    turns = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    kept = len(messages)
    for at in reversed(turns):
        if at != turns[-1] and sum(sizes[at:]) > room:
            break
        kept = at
    return kept


def _parts(messages: Sequence[AnyMessage], sizes: Sequence[int], room: int) -> list[list[AnyMessage]]:
    """Split into parts of at most `room` tokens, one prompt each."""
    parts: list[list[AnyMessage]] = []
    filled = room
    for message, size in zip(messages, sizes, strict=False):
        if isinstance(message, SystemMessage):
            continue
        told = min(size, MAX_MESSAGE)  # a token is at least a character
        if filled + told > room:
            parts.append([])
            filled = 0
        parts[-1].append(message)
        filled += told
    return parts


async def _summary(messages: Sequence[AnyMessage], runtime: Runtime[Context]) -> str:
    speakers = {HumanMessage: "Person", AIMessage: "Assistant"}
    lines = [f"{speakers.get(type(m), 'Note')}: {own_words(m).strip()[:MAX_MESSAGE]}" for m in messages]
    said = await ask(
        runtime,
        [SystemMessage(render("chat/summarize")), HumanMessage("\n".join(lines))],
        Sampling(temperature=0.0, max_tokens=SUMMARY_TOKENS),
        lambda _: None,
    )
    return " ".join(said.text.split())
