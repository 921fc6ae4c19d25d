"""`thought`: decide what to do next, in a fresh prompt with just what that decision needs (`nodes/deciding.py`)."""

from dataclasses import dataclass

from langgraph.runtime import Runtime

from nodes import history
from nodes.answering import AnswerWriter
from nodes.asking import Said, ask, bounded
from nodes.citing import owed, without_citations
from nodes.deciding import Prompt, decide, stuck
from nodes.events import ThoughtDelta
from nodes.evidence import unsupported_numbers
from nodes.protocol import CODE_TOOL, Reply, parse
from nodes.reply_stream import ReplySplitter, Split
from nodes.state import Action, AgentState, Context, Step, Update

STOP = ("\nObservation:",)


@dataclass(frozen=True, slots=True)
class Thinking:
    """One reply of the model, taken apart, and the answer as far as it has left."""

    said: Said
    reply: Reply
    answer: AnswerWriter


async def thought(state: AgentState, runtime: Runtime[Context]) -> Update:
    """Sets `action`, or `needed`, or `answer_text` with its finish reason."""
    steps = state.get("steps", [])
    update: Update = {"thoughts": state.get("thoughts", 0) + 1, "action": None, "needed": ""}
    decided = await decide(state, runtime)
    if isinstance(decided, dict):
        runtime.stream_writer(ThoughtDelta(f"{decided['thought']}\n"))
        return update | {"action": decided}
    if isinstance(decided, str):
        return update | _give(decided, runtime)
    thinking = await _think(decided, runtime, fresh=stuck(steps))
    tried = thinking.reply.tool and history.same_step(steps, thinking.reply.tool, thinking.reply.input)
    if tried and not stuck(steps):
        thinking = await _think(decided, runtime, fresh=True)
    reply = thinking.reply
    if reply.tool:
        return update | {"action": Action(thought=reply.thought, tool=reply.tool, input=reply.input)}
    if reply.need is not None and steps:
        return update | {"needed": reply.need or "the answer"}
    return update | _finish(thinking, state)


async def _think(prompt: Prompt, runtime: Runtime[Context], *, fresh: bool) -> Thinking:
    splitter, answer = ReplySplitter(), AnswerWriter(runtime)

    def emit(split: Split) -> None:
        if split.thought:
            runtime.stream_writer(ThoughtDelta(split.thought))
        answer.write(split.answer)

    sampling = bounded(runtime, stop=STOP, fresh=fresh)
    coder = runtime.context.coder if prompt.coding else None
    said = await ask(runtime, prompt.messages, sampling, lambda text: emit(splitter.feed(text)), model=coder)
    emit(splitter.flush())
    if not splitter.in_answer:
        runtime.stream_writer(ThoughtDelta("\n"))
    return Thinking(said, parse(said.text), answer)


def _give(text: str, runtime: Runtime[Context]) -> Update:
    """An answer that needs no thinking."""
    answer = AnswerWriter(runtime)
    answer.write_whole(text)
    reason = answer.close()
    return {"answer_text": answer.text.strip(), "finish_reason": reason}


def _finish(thinking: Thinking, state: AgentState) -> Update:
    """The answer; what has not left yet leaves now."""
    reply, answer = thinking.reply, thinking.answer
    text = reply.final if reply.final is not None else reply.thought or thinking.said.text
    if not answer.text:
        answer.write_whole(text)
    steps = state.get("steps", [])
    sources = [source for step in steps for source in step["sources"]]
    answer.write_whole(owed(text, sources))
    evidence = [history.question(state), *(step["observation"] for step in steps)]
    if steps and unsupported_numbers(without_citations(text), evidence):
        # A small model miscopies digits, or makes them up when its programs fail.
        answer.write_whole(_caution(steps))
    reason = answer.close(thinking.said.finish_reason)
    return {"answer_text": answer.text.strip(), "finish_reason": reason}


def _caution(steps: list[Step]) -> str:
    printed = [step["observation"] for step in steps if step["error"] is None and step["tool"] == CODE_TOOL]
    if printed:
        return f"\n\nThe program printed:\n```\n{printed[-1][:1000]}\n```"
    if any(step["tool"] == CODE_TOOL for step in steps):
        return "\n\n(No program ran to its end, so this was not computed.)"
    return "\n\n(Not every number here stands in what was found.)"
