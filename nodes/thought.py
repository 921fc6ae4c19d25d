"""`thought`: decide what to do next, in a new prompt with just what the decision needs.

`nodes/react/decide.py` has the decisions.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from langgraph.runtime import Runtime

from llm.errors import ToolsUnsupportedError
from nodes.model import conversation
from nodes.model.answer_writer import AnswerWriter
from nodes.model.ask import Said, ask, bounded
from nodes.react.decide import Act, Answer, Ask, decide, stuck
from nodes.react.grounding import finish, give
from nodes.react.native_protocol import native_thought
from nodes.react.reply_writer import ReplyWriter
from nodes.react.step_writer import StepWriter
from nodes.react.text_protocol import Reply, parse
from nodes.state import Action, AgentState, Context, Step
from tools.agent_tool import program_tool_of
from tools.coding.program_prompt import STOP

UNREADABLE = "I had to stop: the model server cannot parse the model's output."


@dataclass(frozen=True, slots=True)
class Thinking:
    """One parsed reply of the model, and the part of its answer that has been sent."""

    said: Said
    reply: Reply
    answer: AnswerWriter


async def thought(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """Sets `action`, or `needed`, or `answer_text` with its finish reason."""
    if runtime.context.protocol == "native":
        with suppress(ToolsUnsupportedError):  # only discovered now: the text protocol works as well
            called = await native_thought(state, runtime)
            if called["action"] is not None or "answer_text" in called:
                return _after_speech(called)
            state = {**state, "spoken": called["spoken"]}
    update = await _in_words(state, runtime)
    return _after_speech({**update, "spoken": state.get("spoken", "")})


def _after_speech(update: AgentState) -> AgentState:
    """The answer continues after what has already been sent."""
    text = update.get("answer_text")
    return update if text is None else {**update, "answer_text": update["spoken"] + text}


async def _in_words(state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """With the text protocol."""
    update: AgentState = {"thoughts": state.get("thoughts", 0) + 1, "action": None, "needed": ""}
    match await decide(state, runtime):
        case Act(action):
            steps = StepWriter(runtime)
            steps.words(action["thought"])
            steps.close(action)
            return {**update, "action": action}
        case Answer(text):
            return {**update, **give(text, runtime)}
        case Ask() as prompt:
            return {**update, **await _asked(prompt, state, runtime)}


async def _asked(prompt: Ask, state: AgentState, runtime: Runtime[Context]) -> AgentState:
    """The model's reply to `prompt`; asked once more for something else if it repeats an action."""
    steps = state.get("steps", [])
    first, *rest = prompt.messages
    prompt = replace(prompt, messages=[conversation.instructed(first.text, state, runtime.context), *rest])
    thinking = await _think(prompt, runtime, fresh=stuck(steps))
    tried = thinking.reply.tool and conversation.same_step(steps, thinking.reply.tool, thinking.reply.input)
    if tried and not stuck(steps):
        thinking = await _think(prompt, runtime, fresh=True)
    reply = thinking.reply
    if thinking.said.broken is not None and not thinking.said.text.strip():
        return give(_so_far(steps), runtime)
    if reply.tool:
        return {"action": Action(thought=reply.thought, tool=reply.tool, input=reply.input)}
    if reply.need is not None and steps:
        return {"needed": reply.need or "the answer"}
    text = reply.final if reply.final is not None else reply.need or reply.thought or thinking.said.text
    return finish(text, thinking.answer, thinking.said, state, runtime)


def _so_far(steps: Sequence[Step]) -> str:
    """An answer from the results so far, without another reply of the model."""
    found = next((step["observation"] for step in reversed(steps) if step["error"] is None), "")
    return f"{UNREADABLE} The last step gave:\n\n{found}" if found else f"{UNREADABLE} Try again."


async def _think(prompt: Ask, runtime: Runtime[Context], *, fresh: bool) -> Thinking:
    writer = ReplyWriter(runtime, holds=bool(prompt.slots))
    coder = runtime.context.coder if prompt.coding else None
    sampling = bounded(runtime, coder, stop=STOP, fresh=fresh)
    said = await ask(runtime, prompt.messages, sampling, writer.write, model=coder)
    reply = parse(said.text, program_tool_of(runtime.context.tools))
    writer.close(reply)
    if reply.final is not None and (empty := [name for name in prompt.slots if f"@{name}[" not in reply.final]):
        return Thinking(said, replace(reply, final=None, need=", ".join(empty)), writer.answer)
    writer.release()
    return Thinking(said, reply, writer.answer)
