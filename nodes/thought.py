"""`thought`: decide what to do next, in a fresh prompt with just what that decision needs (`nodes/deciding.py`)."""

from contextlib import suppress
from dataclasses import dataclass

from langgraph.runtime import Runtime

from llm.errors import ToolsUnsupportedError
from nodes import history
from nodes.answering import AnswerWriter
from nodes.asking import Said, ask, bounded
from nodes.deciding import Prompt, decide, stuck
from nodes.events import ThoughtDelta
from nodes.finishing import finish, give
from nodes.native import native_thought
from nodes.protocol import Reply, parse
from nodes.reply_stream import ReplySplitter, Split
from nodes.state import Action, AgentState, Context, Update

STOP = ("\nObservation:",)


@dataclass(frozen=True, slots=True)
class Thinking:
    """One reply of the model, taken apart, and the answer as far as it has left."""

    said: Said
    reply: Reply
    answer: AnswerWriter


async def thought(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `action`, or `needed`, or `answer_text` with its finish reason."""
    if runtime.context.protocol == "native":
        with suppress(ToolsUnsupportedError):  # found out only now: words do as well
            return await native_thought(state, runtime)
    steps = state.get("steps", [])
    update: Update = {"thoughts": state.get("thoughts", 0) + 1, "action": None, "needed": ""}
    decided = await decide(state, runtime)
    if isinstance(decided, dict):
        runtime.stream_writer(ThoughtDelta(f"{decided['thought']}\n"))
        return update | {"action": decided}
    if isinstance(decided, str):
        return update | give(decided, runtime)
    thinking = await _think(decided, runtime, fresh=stuck(steps))
    tried = thinking.reply.tool and history.same_step(steps, thinking.reply.tool, thinking.reply.input)
    if tried and not stuck(steps):
        thinking = await _think(decided, runtime, fresh=True)
    reply = thinking.reply
    if reply.tool:
        return update | {"action": Action(thought=reply.thought, tool=reply.tool, input=reply.input)}
    if reply.need is not None and steps:
        return update | {"needed": reply.need or "the answer"}
    text = reply.final if reply.final is not None else reply.thought or thinking.said.text
    return update | finish(text, thinking.answer, thinking.said.finish_reason, state)


async def _think(prompt: Prompt, runtime: Runtime[Context], *, fresh: bool) -> Thinking:
    splitter, answer = ReplySplitter(), AnswerWriter(runtime)

    def emit(split: Split) -> None:
        if split.thought:
            runtime.stream_writer(ThoughtDelta(split.thought))
        answer.write(split.answer)

    coder = runtime.context.coder if prompt.coding else None
    sampling = bounded(runtime, coder, stop=STOP, fresh=fresh)
    said = await ask(runtime, prompt.messages, sampling, lambda text: emit(splitter.feed(text)), model=coder)
    emit(splitter.flush())
    if not splitter.in_answer:
        runtime.stream_writer(ThoughtDelta("\n"))
    return Thinking(said, parse(said.text), answer)
